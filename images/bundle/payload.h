// Where the payload of a bundle lies: what follows the archive of a bundle that carries an operating system.
//
//   archive (one zstd frame) │ payload (zstd frames) │ trailer (16 bytes)
//
// The trailer is a skippable zstd frame (RFC 8878, 3.1.2): magic 0x184D2A5B, length 8, and the payload's length as eight bytes,
// all little-endian. So the whole file stays one lawful stream of zstd frames.
#pragma once

#include <string>

#include "images/files/files.h"

namespace images::bundle {
using namespace policies::vocabulary;

inline constexpr std::size_t trailer_size = 16;

struct PayloadPlace {
  std::uint64_t offset = 0;  // also the length of the archive before it
  Bytes size;                // 0: the file ends with its archive and has no trailer
};

std::string trailer_of(Bytes payload);
// InvalidInput when there is a trailer that names more bytes than the file has.
Result<PayloadPlace> payload_place(files::Files& files, const std::string& path);

}  // namespace images::bundle
