/* What Debian's build of adbd lacks of Android: properties, and the socket of the "Allow debugging?" dialog.
 *
 * Properties come from /product/build.prop. The two functions replace those of libbase and libcutils.
 * libbase's is C++ and takes and gives std::string; it is written here in C, against libstdc++'s layout of that
 * class (pointer, length, 16 bytes of short text or the capacity; Itanium C++ ABI: the result's address comes
 * first), so that any C compiler builds this file, whatever C++ library it brings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cxx_string {
    char *text;
    size_t length;
    union {
        char short_text[16];
        size_t capacity;
    };
};

static void assign(struct cxx_string *to, const char *text, size_t length) {
    if (length < sizeof to->short_text) {
        to->text = to->short_text;
    } else {
        to->text = malloc(length + 1); /* libstdc++'s operator delete is free() */
        if (to->text == NULL) abort();
        to->capacity = length;
    }
    memcpy(to->text, text, length);
    to->text[length] = '\0';
    to->length = length;
}

struct cxx_string *get_property(struct cxx_string *result, const struct cxx_string *key, const struct cxx_string *fallback)
    __asm__("_ZN7android4base11GetPropertyERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_");

struct cxx_string *get_property(struct cxx_string *result, const struct cxx_string *key,
                                const struct cxx_string *fallback) {
    char line[4096];
    FILE *file = fopen("/product/build.prop", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key->text, key->length) == 0 && line[key->length] == '=') {
            const char *value = line + key->length + 1;
            assign(result, value, strcspn(value, "\n"));
            fclose(file);
            return result;
        }
    }
    if (file != NULL) fclose(file);
    assign(result, fallback->text, fallback->length);
    return result;
}

int android_get_control_socket(const char *name) {
    const char *number = strcmp(name, "adbd") == 0 ? getenv("ANDROID_SOCKET_adbd") : NULL;
    return number != NULL ? atoi(number) : -1;
}
