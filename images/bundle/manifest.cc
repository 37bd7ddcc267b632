#include "images/bundle/manifest.h"

#include <boost/json.hpp>
#include <unordered_map>

#include "images/bundle/manifest_json.h"
#include "images/bundle/system_contents.h"
#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/json_text.h"

namespace images::bundle {
namespace {

bool is_name(std::string_view text) {
  const bool lawful = std::all_of(text.begin(), text.end(),
                                  [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  return lawful && !text.empty() && text.size() <= 64 && text.front() != '-' && text.back() != '-';
}

bool is_version(std::string_view text) {
  const bool lawful = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".+~-").find(c) != std::string_view::npos;
  });
  return lawful && !text.empty() && text.size() <= 64 && text.front() >= '0' && text.front() <= '9';
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

Done check_part(std::string_view part, std::string_view path) {
  if (part.empty()) return invalid("path " + quoted(path) + " has an empty part");
  if (part.size() > path_part_size_max)
    return Error{ErrorCode::LimitExceeded, "path " + quoted(path) + " has a part longer than 100 bytes", {}};
  for (const char c : part) {
    if (c < 0x20 || c > 0x7e || c == '\\')
      return invalid("path " + quoted(path) + " holds something else than printable ASCII without backslash");
  }
  return {};
}

Done check_path(std::string_view path) {
  if (path.size() > path_size_max)
    return Error{ErrorCode::LimitExceeded, "path " + quoted(path) + " is longer than 240 bytes", {}};
  if (!path.starts_with("/")) return invalid("path " + quoted(path) + " is not absolute");
  for (const std::string_view part : parts_of(path.substr(1))) {
    if (Done lawful = check_part(part, path); !lawful) return lawful;
    if (part == "." || part == "..") return invalid("path " + quoted(path) + " holds '" + std::string(part) + "'");
  }
  return {};
}

Done check_target(const Entry& link) {
  if (link.target.starts_with("/")) return check_path(link.target);
  if (link.target.size() > path_size_max)
    return Error{ErrorCode::LimitExceeded, "the target of " + quoted(link.path) + " is longer than 240 bytes", {}};
  std::size_t depth = parts_of(std::string_view(link.path).substr(1)).size() - 1;
  for (const std::string_view part : parts_of(link.target)) {
    if (Done lawful = check_part(part, link.target); !lawful)
      return lawful.error().within("target of " + quoted(link.path));
    if (part == ".") return invalid("the target of " + quoted(link.path) + " holds '.'");
    if (part == ".." && depth == 0)
      return invalid("the link " + quoted(link.path) + " leads out of the root: " + quoted(link.target));
    part == ".." ? --depth : ++depth;
  }
  return {};
}

Done check_entry(const Entry& entry) {
  if (Done path = check_path(entry.path); !path) return path;
  if (entry.mode > 0777) return invalid("the mode of " + quoted(entry.path) + " is not within 0000 to 0777");
  const bool file = entry.kind == EntryKind::File;
  if (!file && (entry.size.count != 0 || !entry.sha256.empty()))
    return invalid(quoted(entry.path) + " is no file and has no content");
  if (file && !is_sha256_hex(entry.sha256.text))
    return invalid("the digest of " + quoted(entry.path) + " is not 64 hexadecimal digits");
  if (entry.size > file_size_max)
    return Error{ErrorCode::LimitExceeded, quoted(entry.path) + " is larger than 8 GiB - 1", {}};
  if (entry.kind != EntryKind::Link)
    return entry.target.empty() ? Done{} : Done(invalid(quoted(entry.path) + " is no link and has no target"));
  return entry.mode == 0 ? check_target(entry)
                         : Done(invalid("a link has no mode, but " + quoted(entry.path) + " has"));
}

// A file or link must not be the parent of anything: what is written below a link would land where it points.
Done check_parents(const std::vector<Entry>& entries) {
  std::unordered_map<std::string_view, EntryKind> kinds;
  for (const Entry& entry : entries) kinds.emplace(entry.path, entry.kind);
  for (const Entry& entry : entries) {
    const std::string_view path = entry.path;
    for (std::size_t slash = path.rfind('/'); slash != 0; slash = path.rfind('/', slash - 1)) {
      const auto parent = kinds.find(path.substr(0, slash));
      if (parent != kinds.end() && parent->second != EntryKind::Directory)
        return invalid(quoted(path) + " lies below " + quoted(parent->first) + ", which is a " +
                       std::string(name_of(parent->second)));
    }
  }
  return {};
}

Done read_file_members(Members& members, Entry& entry) {
  const Result<std::uint64_t> size = members.number("size");
  if (!size) return size.error();
  Result<std::string> digest = members.text("sha256");
  if (!digest) return digest.error();
  entry.size = Bytes{*size};
  entry.sha256 = Digest(std::move(*digest));
  return {};
}

Done read_mode(Members& members, Entry& entry) {
  const Result<std::string> text = members.text("mode");
  if (!text) return text.error();
  const Result<std::uint32_t> mode = mode_from(*text);
  if (!mode) return mode.error();
  entry.mode = *mode;
  return {};
}

Result<Entry> entry_from(const boost::json::value& value, std::size_t number) {
  Members members(value, "entry " + std::to_string(number) + " of the manifest");
  Entry entry;
  Result<std::string> path = members.text("path");
  if (!path) return path.error();
  entry.path = std::move(*path);
  const Result<std::string> kind = members.text("kind");
  if (!kind) return kind.error();
  if (*kind == "link") {
    entry.kind = EntryKind::Link;
    Result<std::string> target = members.text("target");
    if (!target) return target.error();
    if (target->empty()) return invalid("the link " + quoted(entry.path) + " has no target");
    entry.target = std::move(*target);
  } else if (*kind == "file" || *kind == "directory") {
    entry.kind = *kind == "file" ? EntryKind::File : EntryKind::Directory;
    if (Done mode = read_mode(members, entry); !mode) return mode.error();
    if (entry.kind == EntryKind::File) {
      if (Done content = read_file_members(members, entry); !content) return content.error();
    }
  } else {
    return invalid("entry " + std::to_string(number) + " of the manifest: kind is file, directory or link, not " +
                   quoted(*kind));
  }
  if (Done known = members.nothing_else(); !known) return known.error();
  return entry;
}

}  // namespace

Bytes Manifest::contents_size() const {
  Bytes sum;
  for (const Entry& entry : entries) sum += entry.size;
  return sum;
}

std::string_view name_of(EntryKind kind) {
  if (kind == EntryKind::Directory) return "directory";
  return kind == EntryKind::File ? "file" : "link";
}

std::string mode_text(std::uint32_t mode) {
  std::string digits(4, '0');
  for (std::size_t i = 4; i-- > 0; mode >>= 3) digits[i] = static_cast<char>('0' + (mode & 7));
  return digits;
}

Result<std::uint32_t> mode_from(std::string_view text) {
  const bool octal = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (text.size() != 4 || !octal || text.front() != '0')
    return invalid("a mode is four octal digits from 0000 to 0777, not " + quoted(text));
  std::uint32_t mode = 0;
  for (const char digit : text) mode = mode << 3 | static_cast<std::uint32_t>(digit - '0');
  return mode;
}

Done check_manifest(const Manifest& manifest) {
  if (!is_name(manifest.name))
    return invalid("a bundle's name is 1 to 64 of a-z, 0-9 and inner '-', not " + quoted(manifest.name));
  if (!is_version(manifest.version))
    return invalid("a bundle's version is 1 to 64 of a-z, A-Z, 0-9, '.', '+', '~', '-' and starts with a digit; not " +
                   quoted(manifest.version));
  if (manifest.architecture != "amd64" && manifest.architecture != "arm64" && manifest.architecture != "all")
    return invalid("a bundle's architecture is amd64, arm64 or all, not " + quoted(manifest.architecture));
  if (manifest.entries.empty() && !manifest.system) return invalid("the bundle holds nothing");
  if (manifest.entries.size() > entries_max)
    return Error{ErrorCode::LimitExceeded,
                 "the bundle has " + std::to_string(manifest.entries.size()) + " entries; 10000 are allowed",
                 {}};
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    const Entry& entry = manifest.entries[i];
    if (Done lawful = check_entry(entry); !lawful) return lawful;
    if (i > 0 && manifest.entries[i - 1].path >= entry.path)
      return invalid("path " + quoted(entry.path) + " is there twice, or not in order");
    sum += entry.size.count;
    if (sum > contents_size_max.count)
      return Error{ErrorCode::LimitExceeded, "the bundle's files hold more than 16 GiB", {}};
  }
  if (Done lawful = check_parents(manifest.entries); !lawful || !manifest.system) return lawful;
  return check_system(*manifest.system, manifest.entries);
}

Result<Manifest> manifest_from(std::string_view json) {
  if (json.size() > manifest_size_max.count) return Error{ErrorCode::LimitExceeded, "a manifest has at most 4 MiB", {}};
  boost::json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, failed, {}, options);
  if (failed) return invalid("the manifest is not JSON: " + failed.message());
  Members members(value, "the manifest");
  const Result<std::string> format = members.text("format");
  if (!format) return format.error();
  if (*format != bundle_format)
    return Error{
        ErrorCode::Unsupported, "the bundle's format is " + quoted(*format) + ", not 'leaseback-bundle-1'", {}};
  Result<std::string> name = members.text("name");
  Result<std::string> version = members.text("version");
  Result<std::string> architecture = members.text("architecture");
  const Result<const boost::json::array*> list = members.list("entries");
  const boost::json::value* const about_system = members.optional("system");
  for (const Result<std::string>* text : {&name, &version, &architecture}) {
    if (!*text) return text->error();
  }
  if (!list) return list.error();
  if (Done known = members.nothing_else(); !known) return known.error();
  Manifest manifest{std::move(*name), std::move(*version), std::move(*architecture), {}, {}};
  if (about_system != nullptr) {
    Result<SystemContents> system = system_from(*about_system);
    if (!system) return system.error();
    manifest.system = std::move(*system);
  }
  if ((*list)->size() > entries_max)
    return Error{ErrorCode::LimitExceeded,
                 "the bundle has " + std::to_string((*list)->size()) + " entries; 10000 are allowed",
                 {}};
  for (const boost::json::value& entry : **list) {
    Result<Entry> read = entry_from(entry, manifest.entries.size() + 1);
    if (!read) return read.error();
    manifest.entries.push_back(std::move(*read));
  }
  if (Done lawful = check_manifest(manifest); !lawful) return lawful.error();
  return manifest;
}

std::string text_of(const Manifest& manifest) {
  JsonText json;
  json.object().key("format").text(bundle_format).key("name").text(manifest.name).key("version").text(manifest.version);
  json.key("architecture").text(manifest.architecture);
  if (manifest.system) write_system(json.key("system"), *manifest.system);
  json.key("entries").array();
  for (const Entry& entry : manifest.entries) {
    json.object().key("path").text(entry.path).key("kind").text(name_of(entry.kind));
    if (entry.kind == EntryKind::Link) {
      json.key("target").text(entry.target);
    } else {
      json.key("mode").text(mode_text(entry.mode));
    }
    if (entry.kind == EntryKind::File) json.key("size").bytes(entry.size).key("sha256").id(entry.sha256);
    json.end();
  }
  return json.end().end().finished() + "\n";
}

}  // namespace images::bundle
