// What an operating system's bundle puts onto the boot partition: the files of its boot tree, and the entry by which the loader
// finds kernel and root.
#pragma once

#include <string>
#include <vector>

#include "provision/image/system_bundle.h"

namespace provision::image {

// A file of the bundle, prepared for mtools.
struct PreparedFile {
  std::string path;    // on the ESP, "/EFI/BOOT/BOOTX64.EFI"
  std::string source;  // where its bytes will lie once prepare() has run
  Bytes size;
  Digest sha256;
};

// Which files those are, without writing one. `folder` is where prepare() would put them.
std::vector<PreparedFile> boot_tree(const VerifiedSystem& system, const std::string& folder);

// Unpacks them into `folder`, which must exist, and removes them again. Repeatable.
Done prepare(images::files::Files& files, const VerifiedSystem& system, const std::string& folder);
Done remove_prepared(images::files::Files& files, const VerifiedSystem& system, const std::string& folder);

// A type #1 entry of the Boot Loader Specification: "/loader/entries/MACHINE-VERSION.conf" and its text; empty text when the
// bundle names no kernel. `root`: the PARTUUID of the system partition.
struct LoaderEntry {
  std::string path;
  std::string text;
};
LoaderEntry loader_entry(const images::bundle::Manifest& manifest, const std::string& machine_id, const std::string& root);

}  // namespace provision::image
