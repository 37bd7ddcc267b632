// Where an owner's system names partitions by their MBR's signature, which a GPT does not have.
#pragma once

#include <string>

#include "provision/disk/disks.h"

namespace provision::run {
using namespace policies::vocabulary;

// Refused, naming the file and the way out, when a file that is read at start (fstab, crypttab, kernel command lines, boot menus)
// of any ext4 on an MBR disk speaks of PARTUUID=SIGNATURE-NN: the system would not find its partitions on a GPT.
Done check_partition_names(const disk::DiskFacts& facts, disk::Disks& disks, const std::string& disk_path);

// Whether a text names a partition so; `signature` is eight hexadecimal digits in lower case.
bool names_by_signature(std::string_view text, std::string_view signature);

}  // namespace provision::run
