#include "images/bundle/system_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <unordered_map>

#include "images/bundle/manifest_json.h"
#include "images/bundle/zstd_stream.h"

namespace images::bundle {
namespace {

constexpr std::size_t piece_size = 1 << 20;
constexpr std::size_t name_size_max = 255;
constexpr std::size_t node_path_size_max = 4095;
constexpr std::size_t xattrs_size_max = 4000;  // what fits into one block of ext4 beside its own words
constexpr std::uint32_t device_max = 1 << 20;

struct Release {
  void operator()(archive* object) const { archive_read_free(object); }
};

// Names in pax archives are UTF-8, and libarchive converts them to what the thread's locale says.
class Utf8Names {
 public:
  Utf8Names() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(locale_ == nullptr ? nullptr : uselocale(locale_)) {}
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_;
  locale_t before_;
};

// "./usr/bin/" -> "/usr/bin"; InvalidInput for what is no path within the system.
Result<std::string> path_of(const char* name) {
  if (name == nullptr) return invalid("the archive holds a node whose name cannot be read");
  std::string_view rest = name;
  std::string path;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return invalid("the path " + quoted(name) + " climbs out of the system");
    if (part.size() > name_size_max) return invalid("the path " + quoted(name) + " has a part of more than 255 bytes");
    if (std::any_of(part.begin(), part.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
      return invalid("the path " + quoted(name) + " holds a control character");
    path.append("/").append(part);
  }
  if (path.size() > node_path_size_max) return invalid("the path " + quoted(name) + " is longer than 4095 bytes");
  return path.empty() ? "/" : path;
}

class Reader {
 public:
  Reader(const std::function<Result<std::string>()>& give, const SystemLimits& limits, SystemSink& sink)
      : give_(give), limits_(limits), sink_(sink) {}

  Result<SystemFacts> read();

 private:
  static la_ssize_t next(archive*, void* client, const void** bytes);
  [[nodiscard]] Error complaint() const;
  Result<SystemNode> node_of(archive_entry* entry) const;
  Done read_kind(archive_entry* entry, SystemNode& node) const;
  static Done read_xattrs(archive_entry* entry, SystemNode& node);
  Done check_place(const SystemNode& node);
  Done read_content(const SystemNode& node);

  const std::function<Result<std::string>()>& give_;
  SystemLimits limits_;
  SystemSink& sink_;
  SystemFacts facts_;
  std::string bytes_;
  std::optional<Error> failure_;
  std::string buffer_ = std::string(piece_size, '\0');
  std::unordered_map<std::string, NodeKind> seen_;
  std::unique_ptr<archive, Release> tar_{archive_read_new()};
};

la_ssize_t Reader::next(archive* tar, void* client, const void** bytes) {
  Reader& reader = *static_cast<Reader*>(client);
  Result<std::string> piece = reader.give_();
  if (piece && (reader.facts_.unpacked_size.count += piece->size()) > reader.limits_.unpacked_size.count)
    piece = Error{ErrorCode::LimitExceeded, "the system's archive unpacks to more than " + reader.limits_.unpacked_size.text(), {}};
  if (!piece) {
    reader.failure_ = piece.error();
    archive_set_error(tar, EIO, "see failure_");
    return -1;
  }
  reader.bytes_ = std::move(*piece);
  *bytes = reader.bytes_.data();
  return static_cast<la_ssize_t>(reader.bytes_.size());
}

Error Reader::complaint() const {
  if (failure_) return *failure_;
  const char* said = archive_error_string(tar_.get());
  return invalid(std::string("the system's archive is no whole tar archive: ") + (said == nullptr ? "no reason given" : said));
}

Done Reader::read_kind(archive_entry* entry, SystemNode& node) const {
  if (const char* target = archive_entry_hardlink(entry)) {
    Result<std::string> path = path_of(target);
    if (!path) return path.error();
    node.kind = NodeKind::HardLink;
    node.target = std::move(*path);
    return {};
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: node.kind = NodeKind::File; break;
    case AE_IFDIR: node.kind = NodeKind::Directory; break;
    case AE_IFLNK: node.kind = NodeKind::Symlink; break;
    case AE_IFCHR: node.kind = NodeKind::CharacterDevice; break;
    case AE_IFBLK: node.kind = NodeKind::BlockDevice; break;
    case AE_IFIFO: node.kind = NodeKind::Fifo; break;
    default: return invalid(quoted(node.path) + " is neither file, folder, link, device nor fifo; leave it out of the archive");
  }
  if (node.kind == NodeKind::Symlink) {
    const char* target = archive_entry_symlink(entry);
    node.target = target == nullptr ? "" : target;
    if (node.target.empty() || node.target.size() > node_path_size_max) return invalid("the link " + quoted(node.path) + " has no lawful target");
    return {};
  }
  node.mode = archive_entry_perm(entry) & 07777U;
  if (node.kind == NodeKind::File) node.size = {static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0))};
  if (node.kind != NodeKind::CharacterDevice && node.kind != NodeKind::BlockDevice) return {};
  node.major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
  node.minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
  return node.major < device_max && node.minor < device_max ? Done{} : Done(invalid("the device numbers of " + quoted(node.path) + " are too large"));
}

Done Reader::read_xattrs(archive_entry* entry, SystemNode& node) {
  if ((archive_entry_acl_types(entry) & ~ARCHIVE_ENTRY_ACL_TYPE_ACCESS) != 0 || archive_entry_acl_count(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS) > 0)
    return invalid(quoted(node.path) + " has an access control list in tar's own form; pack it as an attribute (tar --xattrs without --acls)");
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  std::size_t all = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const std::string_view word = name == nullptr ? "" : name;
    if (!word.starts_with("security.") && !word.starts_with("user.") && !word.starts_with("trusted.") && !word.starts_with("system.posix_acl_"))
      return invalid("the attribute " + quoted(word) + " of " + quoted(node.path) + " is not security.*, user.*, trusted.* or system.posix_acl_*");
    all += word.size() + size + 32;
    if (all > xattrs_size_max) return invalid("the attributes of " + quoted(node.path) + " do not fit into a block of ext4");
    node.xattrs.emplace(word, std::string(static_cast<const char*>(value), size));
  }
  return {};
}

Result<SystemNode> Reader::node_of(archive_entry* entry) const {
  SystemNode node;
  Result<std::string> path = path_of(archive_entry_pathname(entry));
  if (!path) return path.error();
  node.path = std::move(*path);
  if (Done kind = read_kind(entry, node); !kind) return kind.error();
  const la_int64_t uid = archive_entry_uid(entry);
  const la_int64_t gid = archive_entry_gid(entry);
  if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX) return invalid("the owner of " + quoted(node.path) + " is no 32-bit number");
  node.uid = static_cast<std::uint32_t>(uid);
  node.gid = static_cast<std::uint32_t>(gid);
  node.mtime = std::clamp<std::int64_t>(archive_entry_mtime(entry), 0, UINT32_MAX);
  if (Done xattrs = read_xattrs(entry, node); !xattrs) return xattrs.error();
  return node;
}

// What is put below a link would land where it points; what is there twice would have two contents.
Done Reader::check_place(const SystemNode& node) {
  if (node.path == "/") return node.kind == NodeKind::Directory ? Done{} : Done(invalid("the archive's root is no folder"));
  const std::string parent = node.path.substr(0, node.path.rfind('/'));
  if (!parent.empty()) {
    const auto above = seen_.find(parent);
    if (above == seen_.end()) return invalid(quoted(node.path) + " comes before its folder");
    if (above->second != NodeKind::Directory) return invalid(quoted(node.path) + " lies below something that is no folder");
  }
  if (node.kind == NodeKind::HardLink) {
    const auto named = seen_.find(node.target);
    if (named == seen_.end() || named->second != NodeKind::File)
      return invalid("the hard link " + quoted(node.path) + " names no file before it: " + quoted(node.target));
  }
  if (!seen_.emplace(node.path, node.kind == NodeKind::HardLink ? NodeKind::File : node.kind).second)
    return invalid(quoted(node.path) + " is in the archive twice");
  return {};
}

Done Reader::read_content(const SystemNode& node) {
  std::uint64_t left = node.size.count;
  while (true) {
    const la_ssize_t count = archive_read_data(tar_.get(), buffer_.data(), buffer_.size());
    if (count < 0 || failure_) return complaint();
    if (static_cast<std::uint64_t>(count) > left) return invalid(quoted(node.path) + " is longer than it says");
    if (count == 0) return left == 0 ? Done{} : Done(invalid("the archive ends within " + quoted(node.path)));
    left -= static_cast<std::uint64_t>(count);
    if (Done taken = sink_.write({buffer_.data(), static_cast<std::size_t>(count)}); !taken) return taken;
  }
}

Result<SystemFacts> Reader::read() {
  const Utf8Names utf8;
  const bool ready = tar_ && archive_read_support_filter_none(tar_.get()) == ARCHIVE_OK && archive_read_support_format_tar(tar_.get()) == ARCHIVE_OK;
  invariant(ready, "libarchive reads tar");
  if (archive_read_open(tar_.get(), this, nullptr, next, nullptr) != ARCHIVE_OK) return complaint();
  while (true) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(tar_.get(), &entry);
    if (code == ARCHIVE_EOF && !failure_) break;
    if (code != ARCHIVE_OK) return complaint();
    if (++facts_.nodes > limits_.nodes)
      return Error{ErrorCode::LimitExceeded, "the system's archive holds more than " + std::to_string(limits_.nodes) + " nodes", {}};
    const Result<SystemNode> node = node_of(entry);
    if (!node) return node.error();
    if (Done place = check_place(*node); !place) return place.error();
    if (Done begun = sink_.begin(*node); !begun) return begun.error();
    if (node->kind == NodeKind::File)
      if (Done content = read_content(*node); !content) return content.error();
    facts_.files_size += node->size;
    if (Done ended = sink_.end(*node); !ended) return ended.error();
  }
  // What follows the end of a tar archive is padding; it counts, so that two looks see the same length.
  for (Result<std::string> rest = give_(); !rest || !rest->empty(); rest = give_()) {
    if (!rest) return rest.error();
    if ((facts_.unpacked_size += Bytes{rest->size()}) > limits_.unpacked_size)
      return Error{ErrorCode::LimitExceeded, "the system's archive goes on after its end", {}};
  }
  return facts_;
}

}  // namespace

Result<SystemFacts> read_system_archive(const std::function<Result<std::string>()>& give, const SystemLimits& limits, SystemSink& sink) {
  return Reader(give, limits, sink).read();
}

Result<SystemFacts> read_system_payload(files::Files& files, const std::string& path, std::uint64_t offset, const SystemContents& system,
                                        SystemSink& sink) {
  std::uint64_t at = offset;
  const std::uint64_t end = offset + system.payload_size.count;
  Decompressor decompressor([&]() -> Result<std::string> {
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, end - at));
    if (length == 0) return std::string();
    Result<std::string> piece = files.read_range(path, at, length);
    if (piece) at += piece->size();
    return piece;
  });
  const std::function<Result<std::string>()> give = [&]() -> Result<std::string> {
    const Result<std::string_view> piece = decompressor.next();
    if (!piece) return piece.error();
    return std::string(*piece);
  };
  Result<SystemFacts> facts = read_system_archive(give, {system.unpacked_size, system.nodes}, sink);
  if (!facts) return facts.error().within("reading the operating system in " + path);
  if (facts->nodes != system.nodes || facts->unpacked_size != system.unpacked_size)
    return Error{ErrorCode::Corrupt, "the operating system in " + path + " is not the one that its manifest names", {}};
  return facts;
}

}  // namespace images::bundle
