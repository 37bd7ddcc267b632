// The list that says what goes into a bundle, under which path and with which mode: a YAML file that people write.
//
//   kind: bundle-list
//   name: leaseback-agent
//   entries:
//     - {kind: file, from: leaseback-agent, path: /usr/lib/leaseback/leaseback-agent, mode: "0755"}
//     - {kind: directory, path: /var/lib/leaseback, mode: "0700"}
//     - {kind: link, path: /etc/x.service, target: /usr/lib/systemd/system/x.service}
//
// `from` is looked for in each of the folders given, in their order.
//
// An operating system is packed from a list of kind os-archive (a tar archive, plain or as zstd) or os-image (a raw ext4
// filesystem); its entries are what goes onto the boot partition, and may be left out:
//
//   kind: os-archive
//   name: debian-12
//   from: rootfs.tar
//   network: systemd-networkd             # or NetworkManager; left out: whichever the system has, or enables
//   kernel: /boot/efi/debian/vmlinuz      # these three make the loader's entry
//   initrd: /boot/efi/debian/initrd.img
//   kernel_options: quiet
//   entries:
//     - {kind: file, from: systemd-bootx64.efi, path: /boot/efi/EFI/BOOT/BOOTX64.EFI, mode: "0644"}
//     - {kind: file, from: vmlinuz, path: /boot/efi/debian/vmlinuz, mode: "0644"}
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "images/bundle/bundle.h"

namespace images::cli {
using namespace policies::vocabulary;

struct PackList {
  std::string name;
  std::vector<bundle::Source> sources;  // `content` still as the list's `from`
  std::optional<bundle::SystemOrder> system;  // of the kinds os-archive and os-image; `content` likewise
};

// InvalidInput with file:line:column for each error.
Result<PackList> pack_list_from(std::string_view yaml, std::string file);

// The same list with each `content` found below one of `folders`. NotFound, naming all that is missing.
Result<PackList> located(files::Files& files, PackList list, const std::vector<std::string>& folders);

}  // namespace images::cli
