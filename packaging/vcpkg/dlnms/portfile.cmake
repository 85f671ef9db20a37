# The port installs a released archive, which is named by DLNMS_ARCHIVE: nothing is compiled.
set(VCPKG_BUILD_TYPE release)
vcpkg_check_linkage(ONLY_DYNAMIC_LIBRARY)
set(archive "$ENV{DLNMS_ARCHIVE}")
if(NOT EXISTS "${archive}")
  message(FATAL_ERROR "set DLNMS_ARCHIVE to the released archive, dlnms-VERSION-linux-x86_64.tar.xz (it is \"${archive}\")")
endif()
vcpkg_extract_source_archive(tree ARCHIVE "${archive}")

file(INSTALL "${tree}/include/" DESTINATION "${CURRENT_PACKAGES_DIR}/include")
file(INSTALL "${tree}/lib/" DESTINATION "${CURRENT_PACKAGES_DIR}/lib" PATTERN ".debug" EXCLUDE)
file(INSTALL "${tree}/share/dlnms/" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
file(INSTALL "${tree}/bin/" DESTINATION "${CURRENT_PACKAGES_DIR}/tools/${PORT}" USE_SOURCE_PERMISSIONS PATTERN ".debug" EXCLUDE)
# The CMake package finds its files by their places to each other, so it stays where it is and is only referred to.
set(VCPKG_POLICY_SKIP_LIB_CMAKE_MERGE_CHECK enabled)
file(WRITE "${CURRENT_PACKAGES_DIR}/share/${PORT}/dlnms-config.cmake"
  "include(\"\${CMAKE_CURRENT_LIST_DIR}/../../lib/cmake/dlnms/dlnms-config.cmake\")\n")
vcpkg_install_copyright(FILE_LIST "${tree}/share/doc/dlnms/LICENSE-MIT" "${tree}/share/doc/dlnms/LICENSE-APACHE"
  "${tree}/share/doc/dlnms/THIRD-PARTY-NOTICES.txt")
