// What the release image has beside MicroPython: no prompt, and a true answer to whether the chip is closed.
//
// MICROPY_ENABLE_COMPILER is 0, so that shared/runtime/pyexec.c has no prompt and nothing can compile a text.
// The port's main.c still asks for one when the last program has ended: the board then starts anew.

#include "py/runtime.h"
#include "shared/runtime/pyexec.h"

#include "esp_flash_encrypt.h"
#include "esp_secure_boot.h"
#include "esp_system.h"

int pyexec_friendly_repl(void) {
    esp_restart();
    return 0;
}

int pyexec_raw_repl(void) {
    esp_restart();
    return 0;
}

// Secure boot is on and the flash is encrypted for good, as the eFuses of this very chip say.
static mp_obj_t release_is_closed(void) {
    return mp_obj_new_bool(
        esp_secure_boot_enabled() && esp_get_flash_encryption_mode() == ESP_FLASH_ENC_MODE_RELEASE);
}
static MP_DEFINE_CONST_FUN_OBJ_0(release_is_closed_obj, release_is_closed);

static const mp_rom_map_elem_t release_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__release) },
    { MP_ROM_QSTR(MP_QSTR_is_closed), MP_ROM_PTR(&release_is_closed_obj) },
};
static MP_DEFINE_CONST_DICT(release_globals, release_globals_table);

const mp_obj_module_t release_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&release_globals,
};
MP_REGISTER_MODULE(MP_QSTR__release, release_module);
