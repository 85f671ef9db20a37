// SPDX-License-Identifier: GPL-3.0-or-later
#include "library.hpp"

#include <dlfcn.h>

namespace dlnms_orthanc {

Library::Library(const std::string& path) {
    void* const loaded = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!loaded) throw std::runtime_error(std::string("the library dlnms cannot be loaded: ") + dlerror());
    const auto find = [&](const char* name) {
        void* const symbol = dlsym(loaded, name);
        if (!symbol) throw std::runtime_error(path + " has no function " + name + ": it is not dlnms, or another version of it");
        return symbol;
    };
    // The ABI number comes before everything else: it says whether the other functions mean what the header says.
    dlnms_abi_version = reinterpret_cast<decltype(dlnms_abi_version)>(find("dlnms_abi_version"));
    if (dlnms_abi_version() != DLNMS_ABI_VERSION)
        throw std::runtime_error("the plugin was built for ABI " + std::to_string(DLNMS_ABI_VERSION) + " of dlnms, and " + path +
                                 " has ABI " + std::to_string(dlnms_abi_version()) + ": build the plugin with its header");
#define X(name) name = reinterpret_cast<decltype(name)>(find(#name));
    DLNMS_ORTHANC_FUNCTIONS(X)
#undef X
}

void Library::fail(dlnms_status status, dlnms_error* error) const {
    const Owned<dlnms_error> owner(error, dlnms_error_free);
    throw Failure(status, error ? dlnms_error_message(error) : dlnms_status_string(status));
}

namespace {
dlnms_cancel* new_token(const Library& library) {
    dlnms_cancel* token = nullptr;
    library.call(library.dlnms_cancel_new, &token);
    return token;
}
} // namespace

CancelToken::CancelToken(const Library& library) : library_(library), handle_(new_token(library), library.dlnms_cancel_free) {}

} // namespace dlnms_orthanc
