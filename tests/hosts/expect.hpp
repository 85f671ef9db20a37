// What hosts under test expect, and how often it was not so.

#pragma once

#include <dlnms.hpp>

#include <cstdio>

static int failures = 0;

static void expect(bool ok, const char* what) {
    if (!ok) {
        std::printf("FAILED %s\n", what);
        ++failures;
    }
}

template <class F>
static void expect_status(dlnms_status wanted, const char* what, F body) {
    try {
        body();
        expect(false, what);
    } catch (const dlnms::Error& e) {
        if (e.status() != wanted) std::printf("FAILED %s: status %d, %s\n", what, e.status(), e.what()), ++failures;
    }
}
