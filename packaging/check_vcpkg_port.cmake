# Runs the port's script with stand-ins for the functions of vcpkg that it calls, and uses what it installed:
#   cmake -DPORT=folder -DARCHIVE=file -DWORK=folder -DEXAMPLE=cpp-example -DBUNDLE=folder -P check_vcpkg_port.cmake
set(CURRENT_PACKAGES_DIR "${WORK}/packages")
set(PORT_FOLDER "${PORT}")
set(PORT dlnms)
set(ENV{DLNMS_ARCHIVE} "${ARCHIVE}")

function(vcpkg_check_linkage)
endfunction()
function(vcpkg_extract_source_archive out)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ARCHIVE" "")
  file(ARCHIVE_EXTRACT INPUT "${arg_ARCHIVE}" DESTINATION "${WORK}/tree")
  file(GLOB top "${WORK}/tree/*")
  set(${out} "${top}" PARENT_SCOPE)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(INSTALL ${arg_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
endfunction()

include("${PORT_FOLDER}/portfile.cmake")
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${EXAMPLE}" -B "${WORK}/build" "-Ddlnms_DIR=${CURRENT_PACKAGES_DIR}/share/dlnms"
  COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}/build" --target minimal COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
execute_process(COMMAND "${WORK}/build/minimal" "${BUNDLE}" COMMAND_ERROR_IS_FATAL ANY)
