#include "tests/fakes/memory_files.h"

namespace tests::fakes {
namespace {

using images::files::Access;

// One form per path: no "//", no "/./", no "x/..", no final slash.
std::string usual(const std::string& path) {
  std::vector<std::string> parts;
  const bool absolute = path.starts_with("/");
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string text = absolute ? "/" : "";
  for (const std::string& part : parts) text += (text.empty() || text == "/" ? "" : "/") + part;
  return text.empty() ? "." : text;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string prefix_of(const std::string& directory) {
  if (directory == ".") return "";
  return directory == "/" ? "/" : directory + "/";
}

Error not_there(const std::string& path) { return Error{ErrorCode::NotFound, "'" + path + "' is not there", {}}; }

}  // namespace

void MemoryFiles::cut_power() {
  const std::lock_guard lock(mutex_);
  lose_what_is_not_durable();
}

void MemoryFiles::lose_what_is_not_durable() {
  for (auto at = files_.begin(); at != files_.end();) {
    File& file = at->second;
    if (file.durable && *file.durable == file.bytes) {
      ++at;
      continue;
    }
    const bool keeps_name = file.durable.has_value() || random_.chance(0.5);
    if (!keeps_name) {
      at = files_.erase(at);
      continue;
    }
    const std::size_t certain = std::min(file.durable ? file.untouched : 0, file.bytes.size());
    const std::size_t kept = certain + random_.below(file.bytes.size() - certain + 1);
    switch (random_.below(3)) {
      case 0:
        file.bytes = file.durable.value_or("");
        break;
      case 1:
        file.bytes.resize(kept);
        break;
      default:  // the new length reached the disk before the last blocks did
        std::fill(file.bytes.begin() + static_cast<std::ptrdiff_t>(kept), file.bytes.end(), '\0');
    }
    make_durable(file);
    ++at;
  }
}

std::uint64_t MemoryFiles::mutating_calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void MemoryFiles::fail_at(std::uint64_t nth, ErrorCode code) {
  const std::lock_guard lock(mutex_);
  fail_at_ = calls_ + nth;
  fail_code_ = code;
}

void MemoryFiles::cut_at(std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  cut_at_ = calls_ + nth;
}

bool MemoryFiles::is_off() const {
  const std::lock_guard lock(mutex_);
  return off_;
}

void MemoryFiles::power_on() {
  const std::lock_guard lock(mutex_);
  off_ = false;
  cut_at_ = 0;
}

void MemoryFiles::limit_space(Bytes budget) {
  const std::lock_guard lock(mutex_);
  budget_ = budget.count;
}

void MemoryFiles::flip_bit(const std::string& path, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  const Result<File*> file = find(path);
  invariant(file && offset < (*file)->bytes.size(), "a bit that is there is flipped");
  (*file)->bytes[offset] ^= 1;
  if ((*file)->durable && offset < (*file)->durable->size()) (*(*file)->durable)[offset] = (*file)->bytes[offset];
}

Access MemoryFiles::access_of(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return files_.at(usual(path)).access;
}

Bytes MemoryFiles::used() const {
  const std::lock_guard lock(mutex_);
  return {used_now()};
}

Done MemoryFiles::mutate(const std::function<Done(Step)>& act) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  ++calls_;
  if (calls_ == fail_at_) return Error{fail_code_, "the disk refused, as the test wished", {}};
  if (calls_ != cut_at_) return act(Step::Whole);
  // Whether it took effect, and how much of it, is for nobody to know.
  if (random_.chance(0.7)) static_cast<void>(act(random_.chance(0.5) ? Step::Whole : Step::Half));
  lose_what_is_not_durable();
  off_ = true;
  return Error{ErrorCode::Interrupted, "the power failed during this call", {}};
}

void MemoryFiles::make_durable(File& file) {
  file.durable = file.bytes;
  file.untouched = file.bytes.size();
}

std::uint64_t MemoryFiles::used_now() const {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : files_) sum += file.bytes.size();
  return sum;
}

Done MemoryFiles::check_space(std::uint64_t removed, std::uint64_t added) const {
  if (added <= removed || used_now() - removed + added <= budget_) return {};
  return Error{ErrorCode::OutOfSpace, "no space left", {}};
}

Done MemoryFiles::check_parent(const std::string& path) const {
  if (directories_.contains(path)) return Error{ErrorCode::IoFailure, "'" + path + "' is a directory", {}};
  return directories_.contains(parent_of(path)) ? Done{} : Done(not_there(parent_of(path)));
}

Result<MemoryFiles::File*> MemoryFiles::find(const std::string& path) {
  const auto at = files_.find(usual(path));
  if (at == files_.end()) return not_there(path);
  return &at->second;
}

Result<std::string> MemoryFiles::read(const std::string& path, Bytes limit) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  const Result<File*> file = find(path);
  if (!file) return file.error();
  if ((*file)->bytes.size() > limit.count)
    return Error{ErrorCode::LimitExceeded, "'" + path + "' is larger than " + limit.text(), {}};
  return (*file)->bytes;
}

Result<std::string> MemoryFiles::read_range(const std::string& path, std::uint64_t offset, std::size_t length) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  const Result<File*> file = find(path);
  if (!file) return file.error();
  return offset >= (*file)->bytes.size() ? std::string() : (*file)->bytes.substr(offset, length);
}

Done MemoryFiles::replace(const std::string& path, std::string_view bytes, Access access) {
  return mutate([&](Step step) -> Done {
    const std::string name = usual(path);
    if (Done parent = check_parent(name); !parent) return parent;
    const auto old = files_.find(name);
    if (Done space = check_space(old == files_.end() ? 0 : old->second.bytes.size(), bytes.size()); !space)
      return space;
    // One step: a cut in the middle shows the old file.
    if (step == Step::Whole) files_[name] = File{std::string(bytes), std::string(bytes), bytes.size(), access};
    return {};
  });
}

Done MemoryFiles::append(const std::string& path, std::string_view bytes, Access access) {
  return mutate([&](Step step) -> Done {
    const std::string name = usual(path);
    if (Done parent = check_parent(name); !parent) return parent;
    if (Done space = check_space(0, bytes.size()); !space) return space;
    File& file = files_.try_emplace(name, File{"", std::nullopt, 0, access}).first->second;
    file.bytes += step == Step::Whole ? bytes : bytes.substr(0, random_.below(bytes.size() + 1));
    return {};
  });
}

Done MemoryFiles::sync(const std::string& path) {
  return mutate([&](Step step) -> Done {
    if (directories_.contains(usual(path))) return {};
    const Result<File*> file = find(path);
    if (!file) return file.error();
    if (step == Step::Whole) make_durable(**file);
    return {};
  });
}

Done MemoryFiles::truncate(const std::string& path, std::uint64_t size) {
  return mutate([&](Step step) -> Done {
    const Result<File*> file = find(path);
    if (!file) return file.error();
    if (Done space = check_space((*file)->bytes.size(), size); !space) return space;
    if (step == Step::Whole) {
      (*file)->bytes.resize(size);
      (*file)->untouched = std::min((*file)->untouched, (*file)->bytes.size());
    }
    return {};
  });
}

Done MemoryFiles::rename(const std::string& from, const std::string& to) {
  return mutate([&](Step step) -> Done {
    const Result<File*> file = find(from);
    if (!file) return file.error();
    if (Done parent = check_parent(usual(to)); !parent) return parent;
    make_durable(**file);
    if (step == Step::Whole && usual(from) != usual(to)) {
      files_[usual(to)] = std::move(**file);
      files_.erase(usual(from));
    }
    return {};
  });
}

Done MemoryFiles::remove(const std::string& path) {
  return mutate([&](Step step) -> Done {
    const std::string name = usual(path);
    const auto is_below = [prefix = prefix_of(name)](const std::string& other) { return other.starts_with(prefix); };
    if (directories_.contains(name)) {
      const bool used =
          std::any_of(files_.begin(), files_.end(), [&](const auto& file) { return is_below(file.first); }) ||
          std::any_of(directories_.begin(), directories_.end(), is_below);
      if (used) return Error{ErrorCode::AlreadyExists, "'" + path + "' is not empty", {}};
    }
    if (step == Step::Whole) {
      files_.erase(name);
      directories_.erase(name);
    }
    return {};
  });
}

Done MemoryFiles::make_directory(const std::string& path, Access) {
  return mutate([&](Step step) -> Done {
    std::vector<std::string> wanted;
    for (std::string name = usual(path); !directories_.contains(name); name = parent_of(name)) {
      if (files_.contains(name))
        return Error{ErrorCode::AlreadyExists, "'" + name + "' is there and is not a directory", {}};
      wanted.push_back(name);
    }
    // Outermost first: half done, the parents are there and the directory is not.
    while (wanted.size() > (step == Step::Half ? 1U : 0U)) {
      directories_.insert(wanted.back());
      wanted.pop_back();
    }
    return {};
  });
}

Result<bool> MemoryFiles::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  return files_.contains(usual(path)) || directories_.contains(usual(path));
}

Result<std::uint64_t> MemoryFiles::size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  const Result<File*> file = find(path);
  if (!file) return file.error();
  return (*file)->bytes.size();
}

Result<std::vector<std::string>> MemoryFiles::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (off_) return Error{ErrorCode::Interrupted, "the power is off", {}};
  const std::string name = usual(directory);
  if (!directories_.contains(name)) return not_there(directory);
  const std::string prefix = prefix_of(name);
  std::set<std::string> names;
  const auto add = [&](const std::string& path) {
    const bool hidden_by_root = prefix.empty() && (path.starts_with("/") || path == ".");
    if (!path.starts_with(prefix) || path.size() == prefix.size() || hidden_by_root) return;
    const std::string rest = path.substr(prefix.size());
    if (rest.find('/') == std::string::npos) names.insert(rest);
  };
  for (const auto& [path, file] : files_) add(path);
  for (const std::string& path : directories_) add(path);
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace tests::fakes
