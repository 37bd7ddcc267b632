// The bundle of an operating system, believed only after its signature and every digest were found right.
#pragma once

#include <string>
#include <vector>

#include "images/bundle/bundle.h"
#include "images/files/files.h"
#include "provision/disk/disk_facts.h"

namespace provision::image {
using namespace policies::vocabulary;

struct SystemBundle {
  std::string path;
  std::vector<images::keys::PublicKey> trusted;
};

struct VerifiedSystem {
  std::string path;
  images::bundle::VerifiedBundle bundle;  // its manifest names an operating system

  [[nodiscard]] const images::bundle::SystemContents& contents() const { return *bundle.manifest.system; }
  [[nodiscard]] bool is_image() const { return contents().kind == images::bundle::SystemKind::Image; }
  // "debian-12 12.8"
  [[nodiscard]] std::string title() const { return bundle.manifest.name + " " + bundle.manifest.version; }
};

// Reads the whole bundle once. Errors of images::bundle::verify; Unsupported when it carries no operating system.
Result<VerifiedSystem> verified_system(images::files::Files& files, const SystemBundle& bundle);

// OutOfSpace, naming both sizes and the way out, when the boot files surely do not fit onto the ESP, or an image into the
// system partition. `files_size`: of an archive's files, in whole blocks; 0 for an image.
Done check_fits(const VerifiedSystem& system, Bytes files_size, const disk::Extent& esp, const disk::Extent& partition);

}  // namespace provision::image
