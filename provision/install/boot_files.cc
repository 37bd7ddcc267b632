#include "provision/install/boot_files.h"

#include <fmt/format.h>

#include <set>

#include "images/keys/keys.h"

namespace provision::install {
namespace {

Error mtools_failed(std::string_view act, const disk::Outcome& outcome) {
  return Error{ErrorCode::IoFailure,
               fmt::format("{} failed with {}: {}", act, outcome.exit_status, outcome.errors.substr(0, 500)),
               {}};
}

std::set<std::string> folders_of(const std::vector<BootFile>& files) {
  std::set<std::string> folders;
  for (const BootFile& file : files)
    for (std::size_t slash = file.path.find('/', 1); slash != std::string::npos; slash = file.path.find('/', slash + 1))
      folders.insert(file.path.substr(0, slash));
  return folders;
}

// SHA-256 of a file of that size; of nothing when it has another.
Result<Digest> digest_of(images::files::Files& files, const std::string& path, Bytes size) {
  constexpr std::size_t piece_size = 1 << 20;
  const auto there = files.size(path);
  if (!there) return there.error();
  if (*there != size.count) return Digest();
  images::keys::Sha256 digest;
  for (std::uint64_t at = 0; at < size.count;) {
    const auto piece = files.read_range(path, at, piece_size);
    if (!piece) return piece.error();
    if (piece->empty()) break;
    at += piece->size();
    digest.add(*piece);
  }
  return digest.finish();
}

}  // namespace

std::vector<BootFile> boot_files(const std::string& machine_id) {
  return {{"/loader/loader.conf", fmt::format("timeout 0\nconsole-mode keep\neditor no\ndefault {}-*\n", machine_id), {}},
          {"/loader/entries.srel", "type1\n", {}},
          {fmt::format("/{}/machine-id", machine_id), machine_id + "\n", {}}};
}

Result<disk::Outcome> EspFiles::run(std::vector<std::string> arguments, const std::string& disk,
                                    const disk::Extent& esp) {
  if (disk.find("@@") != std::string::npos)
    return Error{ErrorCode::Unsupported,
                 fmt::format("'{}': mtools cannot open a path with '@@' in it; rename the image", disk),
                 {}};
  const std::string program = arguments.front();
  arguments.insert(arguments.begin() + 1, {"-i", fmt::format("{}@@{}", disk, esp.start.count)});
  auto outcome = processes_.run(arguments);
  if (!outcome && outcome.error().code == ErrorCode::NotFound)
    return Error{ErrorCode::Unsupported,
                 fmt::format("{} is not installed, and writes the boot partition: install mtools", program),
                 {}};
  return outcome;
}

Result<bool> EspFiles::is_as_wanted(const std::string& disk, const disk::Extent& esp, const BootFile& file) {
  if (!file.content) {
    const auto outcome = run({"mtype", "::" + file.path}, disk, esp);
    if (!outcome) return outcome.error();
    return outcome->exit_status == 0 && outcome->output == file.text;
  }
  const std::string copied = work_folder_ + "/boot-check";
  const auto outcome = run({"mcopy", "-n", "::" + file.path, copied}, disk, esp);
  if (!outcome) return outcome.error();
  if (outcome->exit_status != 0) return false;
  const auto digest = digest_of(files_, copied, file.content->size);
  if (Done gone = files_.remove(copied); !gone) return gone.error();
  if (!digest) return digest.error();
  return *digest == file.content->sha256;
}

Result<std::vector<std::string>> EspFiles::differences(const std::string& disk, const disk::Extent& esp,
                                                       const std::vector<BootFile>& wanted) {
  std::vector<std::string> differing;
  for (const BootFile& file : wanted) {
    const auto same = is_as_wanted(disk, esp, file);
    if (!same) return same.error();
    if (!*same) differing.push_back(file.path);
  }
  return differing;
}

Done EspFiles::copy(const std::string& disk, const disk::Extent& esp, const BootFile& file) {
  const std::string prepared = file.content ? file.content->source : work_folder_ + "/boot-file";
  if (!file.content)
    if (Done ready = files_.replace(prepared, file.text, images::files::Access::OwnerOnly); !ready) return ready;
  const auto outcome = run({"mcopy", "-D", "o", prepared, "::" + file.path}, disk, esp);
  if (!outcome) return outcome.error();
  if (outcome->exit_status != 0) return mtools_failed("copying " + file.path + " to the boot partition", *outcome);
  return file.content ? Done() : files_.remove(prepared);
}

Done EspFiles::write(const std::string& disk, const disk::Extent& esp, const std::vector<BootFile>& wanted) {
  std::vector<std::string> make = {"mmd", "-D", "s"};
  for (const std::string& folder : folders_of(wanted)) make.push_back("::" + folder);
  if (make.size() > 3) {
    const auto outcome = run(std::move(make), disk, esp);
    if (!outcome) return outcome.error();
    // A folder that is there is skipped, and mmd then says 1 although all is well: the copies will tell.
    if (outcome->exit_status > 1) return mtools_failed("making folders on the boot partition", *outcome);
  }
  for (const BootFile& file : wanted)
    if (Done copied = copy(disk, esp, file); !copied) return copied;
  return files_.sync(disk);
}

}  // namespace provision::install
