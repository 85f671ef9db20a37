"""Conan 2 recipe for a released archive of dlnms: `conan create . --version 0.1.0` with DLNMS_ARCHIVE=dlnms-....tar.xz."""
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, unzip


class Dlnms(ConanFile):
    name = "dlnms"
    description = "PET/CT scoring with the DLNMS signature (research use only)"
    license = "MIT OR Apache-2.0"
    topics = ("pet-ct", "dicom", "medical-imaging")
    package_type = "library"
    settings = "os", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def validate(self):
        if (str(self.settings.os), str(self.settings.arch)) != ("Linux", "x86_64"):
            raise ConanInvalidConfiguration(f"the archive is for Linux on x86_64, not {self.settings.os} on {self.settings.arch}")

    def build(self):
        archive = os.environ.get("DLNMS_ARCHIVE")
        if not archive:
            raise ConanInvalidConfiguration("set DLNMS_ARCHIVE to the released archive, dlnms-VERSION-linux-x86_64.tar.xz")
        unzip(self, archive, strip_root=True)

    def package(self):
        # The tree keeps its links, and what it refers to by paths from one file to the other.
        for folder in ("bin", "include", "lib", "share"):
            copy(self, "*", os.path.join(self.build_folder, folder), os.path.join(self.package_folder, folder))

    def package_info(self):
        # CMake projects use the package's own configuration: targets dlnms::dlnms and dlnms::static.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/dlnms"]
        self.cpp_info.set_property("pkg_config_name", "dlnms")
        if self.options.shared:
            self.cpp_info.libs = ["dlnms"]
        else:
            self.cpp_info.libs = []
            archive = os.path.join(self.package_folder, "lib", "libdlnms.a")
            self.cpp_info.sharedlinkflags = self.cpp_info.exelinkflags = [archive]
            self.cpp_info.system_libs = ["pthread", "m", "dl", "rt", "util"]
        self.runenv_info.append_path("PATH", os.path.join(self.package_folder, "bin"))
