// The LUKS2 tokens that a machine adds to its lease partition, as JSON. The token made at the factory (provision/disk/luks.h)
// is never touched again.
//
//   {"type":"leaseback-tpm2","keyslots":["2"],"version":1,"bank":"sha256","registers":[7],"public":BASE64,"private":BASE64}
//   {"type":"leaseback-filesystem","keyslots":[],"version":1,"filesystem":"ext4","uuid":UUID}
//
// The second is written when the filesystem inside is whole and before it is first mounted: without it, whatever lies
// inside is the remains of a cut attempt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "provision/lease/tpm.h"

namespace provision::lease {

struct TpmToken {
  std::optional<std::uint32_t> slot;  // nullopt: its slot was removed
  SealedKey sealed;
  bool operator==(const TpmToken&) const = default;
};

std::string token_json(const TpmToken& token);
// InvalidInput, naming what is wrong, for anything but such a token: the header lies on a disk in other hands.
Result<TpmToken> tpm_token_from(std::string_view json);

struct FilesystemToken {
  std::string uuid;  // lower case, as blkid tells it
  bool operator==(const FilesystemToken&) const = default;
};

std::string token_json(const FilesystemToken& token);
Result<FilesystemToken> filesystem_token_from(std::string_view json);

}  // namespace provision::lease
