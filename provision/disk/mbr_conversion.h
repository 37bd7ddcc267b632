// An MBR disk as the GPT disk that it can become in place (decisions/0005-mbr-becomes-gpt.md). Pure.
#pragma once

#include <string>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

// The same partitions at the same places under the same numbers, with GPT types, and UUIDs from the seed. Refused, with the way
// out, when a machine starts from this disk through its MBR; Unsupported for a partition type without a counterpart, and when
// there is no room for a GPT before the first partition. Precondition: facts.table is Mbr.
Result<DiskFacts> as_gpt(const DiskFacts& facts, const std::string& seed);

}  // namespace provision::disk
