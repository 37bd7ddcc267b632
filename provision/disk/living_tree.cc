#include "provision/disk/living_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "images/keys/keys.h"

namespace provision::disk {
namespace {

constexpr int depth_max = 128;
constexpr Bytes hashed_max = gibibytes(1);

Error failure(std::string_view act, const std::string& place) {
  return {errno == ENOENT ? ErrorCode::NotFound : ErrorCode::IoFailure, fmt::format("{} {}: {}", act, place, std::strerror(errno)), {}};
}

Error unsupported() { return {ErrorCode::Unsupported, "nothing is installed into the files of a running system", {}}; }

Result<std::vector<std::string>> names_in(const std::string& folder) {
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> open(::opendir(folder.c_str()));
  if (!open) return failure("listing", folder);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(open.get()))
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..") names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Node> node_at(const std::string& place, std::string name) {
  struct stat status {};
  if (::lstat(place.c_str(), &status) != 0) return failure("looking at", place);
  Node node;
  node.name = std::move(name);
  node.attributes = {status.st_mode & 07777U, status.st_uid, status.st_gid, status.st_mtime};
  node.kind = S_ISREG(status.st_mode) ? NodeKind::File : S_ISDIR(status.st_mode) ? NodeKind::Directory : S_ISLNK(status.st_mode) ? NodeKind::Symlink : NodeKind::Other;
  if (node.kind == NodeKind::File) node.size = {static_cast<std::uint64_t>(status.st_size)};
  if (node.kind != NodeKind::Symlink) return node;
  char target[PATH_MAX];
  const ssize_t length = ::readlink(place.c_str(), target, sizeof target);
  if (length < 0) return failure("reading the link", place);
  node.target.assign(target, static_cast<std::size_t>(length));
  return node;
}

}  // namespace

Result<std::string> LivingTree::place(const std::string& path) const {
  if (!path.starts_with('/') || (path + "/").find("/../") != std::string::npos || (path + "/").find("/./") != std::string::npos)
    return Error{ErrorCode::InvalidInput, fmt::format("'{}' is not a plain absolute path", path), {}};
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = root_ + path.substr(0, slash);
    struct stat status {};
    if (::lstat(parent.c_str(), &status) != 0) return failure("looking at", parent);
    if (!S_ISDIR(status.st_mode)) return Error{ErrorCode::Conflict, parent + " is no folder", {}};
  }
  return root_ + path;
}

Result<Change> LivingTree::put_directory(const std::string&, const Attributes&) { return unsupported(); }
Result<Change> LivingTree::put_file(const std::string&, std::string_view, const Attributes&) { return unsupported(); }
Result<Change> LivingTree::put_symlink(const std::string&, const std::string&, const Attributes&) { return unsupported(); }
Done LivingTree::add(const NewNode&) { return unsupported(); }
Done LivingTree::append(std::string_view) { return unsupported(); }
Result<bool> LivingTree::holds(const NewNode&) { return unsupported(); }

Done LivingTree::remove_all(const std::string& place, std::uint64_t device, int depth) {
  struct stat status {};
  if (::lstat(place.c_str(), &status) != 0) return errno == ENOENT ? Done() : Done(failure("looking at", place));
  if (status.st_dev != device) return Error{ErrorCode::Conflict, place + " is mounted from elsewhere; unmount it first", {}};
  if (!S_ISDIR(status.st_mode)) {
    if (::unlink(place.c_str()) != 0 && errno != ENOENT) return failure("removing", place);
    return {};
  }
  if (depth > depth_max) return Error{ErrorCode::LimitExceeded, fmt::format("{} lies more than {} folders deep", place, depth_max), {}};
  const auto names = names_in(place);
  if (!names) return names.error();
  for (const std::string& name : *names)
    if (Done removed = remove_all(place + "/" + name, device, depth + 1); !removed) return removed;
  if (::rmdir(place.c_str()) != 0 && errno != ENOENT) return failure("removing", place);
  return {};
}

Result<Change> LivingTree::remove(const std::string& path) {
  const auto there = place(path);
  if (!there) return there.error().code == ErrorCode::NotFound ? Result<Change>(Change::Unchanged) : Result<Change>(there.error());
  const std::string above = there->substr(0, there->rfind('/'));
  const std::string parent = above.empty() ? "/" : above;
  struct stat status {};
  if (::lstat(parent.c_str(), &status) != 0) return failure("looking at", parent);
  struct stat itself {};
  if (::lstat(there->c_str(), &itself) != 0) return errno == ENOENT ? Result<Change>(Change::Unchanged) : Result<Change>(failure("looking at", *there));
  if (Done removed = remove_all(*there, status.st_dev, 0); !removed) return removed.error();
  changed_.insert(parent);
  return Change::Replaced;
}

Result<Node> LivingTree::look(const std::string& path) {
  const auto there = place(path);
  if (!there) return there.error();
  return node_at(*there, path.substr(path.rfind('/') + 1));
}

Result<std::string> LivingTree::read_file(const std::string& path, Bytes limit) {
  const auto there = place(path);
  if (!there) return there.error();
  const int descriptor = ::open(there->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return failure("opening", *there);
  std::string text;
  char bytes[65536];
  ssize_t got = 0;
  while (text.size() <= limit.count && (got = ::read(descriptor, bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  ::close(descriptor);
  if (got < 0) return failure("reading", *there);
  if (text.size() > limit.count) return Error{ErrorCode::LimitExceeded, fmt::format("{} has more than {}", *there, limit.text()), {}};
  return text;
}

Result<Digest> LivingTree::digest_of_file(const std::string& path) {
  const auto node = look(path);
  if (!node) return node.error();
  if (node->kind != NodeKind::File) return Error{ErrorCode::Conflict, path + " is no file", {}};
  const auto text = read_file(path, hashed_max);
  if (!text) return text.error();
  return images::keys::sha256(*text);
}

Result<std::vector<Node>> LivingTree::list(const std::string& path) {
  const auto there = place(path);
  if (!there) return there.error();
  const auto names = names_in(*there);
  if (!names) return names.error();
  std::vector<Node> nodes;
  for (const std::string& name : *names) {
    auto node = node_at(*there + "/" + name, name);
    if (!node && node.error().code == ErrorCode::NotFound) continue;  // gone meanwhile
    if (!node) return node.error();
    nodes.push_back(std::move(*node));
  }
  return nodes;
}

Result<Digest> LivingTree::hash(const std::string&) {
  return Error{ErrorCode::Unsupported, "the files of a running system change while they are read: they have no digest", {}};
}

Done LivingTree::commit() {
  for (const std::string& folder : changed_) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;  // it went, too, and its parent is in the list
    if (descriptor < 0) return failure("opening", folder);
    const bool synced = ::fsync(descriptor) == 0;
    ::close(descriptor);
    if (!synced) return failure("syncing", folder);
  }
  changed_.clear();
  return {};
}

}  // namespace provision::disk
