/* The library is of the header's ABI, and finds the ONNX Runtime of the package by itself where it is the shared one. */
#include <dlnms.h>
#include <stdio.h>

int main(void) {
    if (dlnms_abi_version() != DLNMS_ABI_VERSION) return 1;
    printf("dlnms %s, ABI %u\n", dlnms_version(), dlnms_abi_version());
    return 0;
}
