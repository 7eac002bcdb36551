// Board: @NAME@. Read docs/release-image.md before you change a line.

#define MICROPY_HW_BOARD_NAME "altgate release, @NAME@"
#define MICROPY_HW_MCU_NAME   "@MCU@"

// Nothing on this board compiles a text: no prompt, no exec, no eval, no .py file (see release.c).
#define MICROPY_ENABLE_COMPILER (0)

// Standard input and output, over which a bare board is provisioned. On the S3 that is the chip's own USB, on
// the ESP32 UART 0. TinyUSB would start only after the first program has ended, which is never.
#define MICROPY_HW_ENABLE_USBDEV       (0)
#define MICROPY_HW_ESP_USB_SERIAL_JTAG (@USB@)
#define MICROPY_HW_ENABLE_UART_REPL    (@UART@)

// Not used by the door.
#define MICROPY_PY_BLUETOOTH      (0)
#define MICROPY_PY_ESPNOW         (0)
#define MICROPY_PY_MACHINE_SDCARD (0)
#define MICROPY_HW_ENABLE_SDCARD  (0)
