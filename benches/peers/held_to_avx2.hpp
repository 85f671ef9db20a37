// Hides AVX-512 from one loaded library, for peers that have no switch for it.
//
// Every `cpuid` of the library becomes `ud2`, which is as long, and a handler of the signal answers in its place: as the
// processor does, without the bits of AVX-512. Places come from a file, one offset in hexadecimal a line, as
// `objdump -d --no-show-raw-insn LIBRARY` gives them. To be called between loading the library and its first use.

#pragma once

#include <cpuid.h>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <link.h>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

namespace held {

inline void bit(uint32_t& bits, std::initializer_list<int> clear) {
    for (const int n : clear) bits &= ~(uint32_t{1} << n);
}

inline void answer(int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto leaf = static_cast<uint32_t>(registers[REG_RAX]), part = static_cast<uint32_t>(registers[REG_RCX]);
    uint32_t a, b, c, d;
    __cpuid_count(leaf, part, a, b, c, d);
    if (leaf == 7 && part == 0) {
        bit(b, {16, 17, 21, 26, 27, 28, 30, 31}); // F DQ IFMA PF ER CD BW VL
        bit(c, {1, 6, 11, 12, 14});               // VBMI VBMI2 VNNI BITALG VPOPCNTDQ
        bit(d, {2, 3, 8, 22, 23, 24, 25});        // 4VNNIW 4FMAPS VP2INTERSECT AMX-BF16 FP16 AMX-TILE AMX-INT8
    } else if (leaf == 7 && part == 1) {
        bit(a, {5}); // BF16
    }
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

struct Library {
    std::string name;
    uintptr_t base;
};

inline int find(dl_phdr_info* info, size_t, void* wanted) {
    auto& library = *static_cast<Library*>(wanted);
    if (std::string(info->dlpi_name) != library.name) return 0;
    library.base = info->dlpi_addr;
    return 1;
}

/// Returns how many places were changed; ends the program if one is not what it should be.
inline int to_avx2(const char* library_name, const char* offsets) {
    Library library{library_name, 0};
    std::FILE* file = std::fopen(offsets, "r");
    if (!dl_iterate_phdr(find, &library) || !file) std::fprintf(stderr, "held: no %s or no %s\n", library_name, offsets), std::exit(1);
    struct sigaction action {};
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, nullptr);
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    int places = 0;
    for (unsigned long offset; std::fscanf(file, "%lx", &offset) == 1; ++places) {
        auto* const place = reinterpret_cast<unsigned char*>(library.base + offset);
        auto* const start = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(place) & ~(page - 1));
        if (place[0] != 0x0f || place[1] != 0xa2 || mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            std::fprintf(stderr, "held: no cpuid at %lx\n", offset), std::exit(1);
        place[1] = 0x0b;
    }
    std::fclose(file);
    return places;
}

} // namespace held
