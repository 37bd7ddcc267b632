// An operating system's archive into a filesystem that was just made and is not mounted; and the proof that it is there.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "provision/disk/file_tree.h"
#include "provision/image/system_bundle.h"
#include "provision/network/system_programs.h"

namespace provision::image {

// What an archive would become, known before anything is written.
struct Survey {
  Bytes files_size;                // in whole blocks of 4 KiB, with one for each folder
  network::SystemPrograms programs;
};
// Reads all of the archive. Errors of images::bundle::read_system_payload and network::programs_in. Precondition: no image.
Result<Survey> survey(images::files::Files& files, const VerifiedSystem& system);

using Moved = std::function<void(Bytes done, Bytes all)>;

// Puts all of it; does not commit. `tree`: of a filesystem just made; after a failure it must be made again. `moved` is told
// of every MiB or so of the files' bytes; `all` is the archive's size, a little more than theirs.
Done fill(disk::FileTree& tree, images::files::Files& files, const VerifiedSystem& system, const Moved& moved);

// The paths that are missing or not as in the archive: kind, mode, owner, content, link, device, attributes; times apart.
// `replaced` are not looked at: settings put over them.
Result<std::vector<std::string>> differences(disk::FileTree& tree, images::files::Files& files, const VerifiedSystem& system,
                                             const std::set<std::string>& replaced);

// What programs the system in a tree has. `stated` as SystemContents::network. Errors of network::programs_in.
Result<network::SystemPrograms> programs_of(disk::FileTree& tree, const std::string& stated);

}  // namespace provision::image
