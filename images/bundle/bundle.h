// Bundles: packed reproducibly, signed, and given out only after everything about them was found right. FORMAT.md
// describes the bytes. Archives are streamed: memory does not grow with them. The signature of `PATH` lies in
// `PATH.sig`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "images/bundle/manifest.h"
#include "images/files/files.h"
#include "images/keys/keys.h"

namespace images::bundle {

inline constexpr std::string_view signature_type = "application/vnd.leaseback.bundle+json";
inline constexpr Bytes archive_size_max = gibibytes(8);  // without an operating system's payload

// What shall be packed. An entry's size and digest are found by pack(); its order does not matter.
struct Source {
  EntryKind kind = EntryKind::File;
  std::string path;        // where on the machine
  std::uint32_t mode = 0;  // files and directories
  std::string content;     // files: where the content is now
  std::string target;      // links
};
struct PackOrder {
  std::string name;
  std::string version;
  std::string architecture;
  std::vector<Source> sources;
};

// Writes the archive to `out`, replacing what is there once all is well. The same order over the same contents gives
// the same bytes. Errors: those of check_manifest; NotFound for a missing content; Conflict when a content changed
// while it was read.
Result<Manifest> pack(files::Files& files, const PackOrder& order, const std::string& out);

// An operating system to pack: a tar archive (plain or as zstd), or a raw ext4 image.
struct SystemOrder {
  SystemKind kind = SystemKind::Archive;
  std::string content;         // where the archive or the image is now
  std::string network;         // these four as in SystemContents
  std::string kernel;
  std::string initrd;
  std::string kernel_options;
};

// As pack(), with an operating system behind the files of `order`. An archive is read in full: what read_system_archive
// refuses is not packed. Unsupported for an image that is no ext4.
Result<Manifest> pack_system(files::Files& files, const PackOrder& order, const SystemOrder& system, const std::string& out);

// Checks the archive at `path` in full, then writes `path`.sig, or adds this key's signature to the one that is there.
// Conflict when the .sig that is there speaks of other bytes.
Done sign(files::Files& files, const std::string& path, const keys::PrivateKey& key);

struct VerifiedBundle {
  Manifest manifest;
  KeyId signer;
  Digest archive_sha256;
  Bytes archive_size;
  std::uint64_t payload_offset = 0;  // of the operating system, when the manifest names one
};

// Everything: signature by one of `trusted`, digests, manifest, contents. Writes nothing.
// Unauthenticated: no good signature. Corrupt: bytes differ from what was signed. InvalidInput, LimitExceeded: signed,
// but no lawful bundle. NotFound: no archive or no .sig.
Result<VerifiedBundle> verify(files::Files& files, const std::string& path, std::span<const keys::PublicKey> trusted);

// Takes what a bundle contains, entry by entry in the manifest's order. An error stops the unpacking and is handed on.
class Sink {
 public:
  virtual ~Sink() = default;
  // Directories and links are complete with this; a file's bytes follow in pieces of at most 1 MiB.
  virtual Done begin(const Entry& entry) = 0;
  virtual Done write(std::string_view piece) = 0;
  // The file is whole and has its digest.
  virtual Done end(const Entry& entry) = 0;
};

// verify(), then everything into `sink`. When the archive changes between the two, the error is Corrupt, and what went
// to the sink must be thrown away.
Result<VerifiedBundle> unpack(files::Files& files, const std::string& path, std::span<const keys::PublicKey> trusted,
                              Sink& sink);

// The entries of a bundle that was verified just now, without hashing an operating system's payload again. Corrupt when the
// manifest or an entry is not the verified one.
Done give_again(files::Files& files, const std::string& path, const VerifiedBundle& verified, Sink& sink);

// What the archive says of itself, believed by nobody: contents are checked against the manifest, no signature is.
Result<Manifest> inspect(files::Files& files, const std::string& path);

// Key ids that the .sig of `path` names; verifies nothing. NotFound when there is no .sig.
Result<std::vector<KeyId>> signers_named(files::Files& files, const std::string& path);

}  // namespace images::bundle
