"""Names, codes and limits that door and host share: plain constants, no behaviour beyond tables."""
