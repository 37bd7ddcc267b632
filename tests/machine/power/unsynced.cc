#include "tests/machine/power/unsynced.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace tests::machine {
namespace {

constexpr std::uint64_t sector = 512;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

std::unique_ptr<UnsyncedFile> UnsyncedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  return descriptor < 0 ? nullptr : std::unique_ptr<UnsyncedFile>(new UnsyncedFile(descriptor));
}

UnsyncedFile::~UnsyncedFile() { ::close(descriptor_); }

std::uint64_t UnsyncedFile::size() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void UnsyncedFile::before_write(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t now = size();
  if (offset + length > now && !size_before_) size_before_ = now;
  const std::uint64_t first = offset / sector * sector;
  const std::uint64_t sectors = (offset + length - first + sector - 1) / sector;
  std::string old(sectors * sector, '\0');
  (void)!::pread(descriptor_, old.data(), old.size(), static_cast<off_t>(first));
  for (std::uint64_t i = 0; i < sectors; ++i) {
    const std::string_view one = std::string_view(old).substr(i * sector, sector);
    const bool zeros = one.find_first_not_of('\0') == std::string_view::npos;
    before_.emplace(first + i * sector, zeros ? std::string() : std::string(one));
  }
}

void UnsyncedFile::before_zeros(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = std::min(offset + length, size());
  for (std::uint64_t at = offset; at < end;) {
    const off_t found = ::lseek(descriptor_, static_cast<off_t>(at), SEEK_DATA);
    if (found < 0 || static_cast<std::uint64_t>(found) >= end) break;
    const auto hole = static_cast<std::uint64_t>(::lseek(descriptor_, found, SEEK_HOLE));
    before_write(static_cast<std::uint64_t>(found), std::min(hole, end) - static_cast<std::uint64_t>(found));
    at = hole;
  }
}

void UnsyncedFile::before_resize(std::uint64_t wanted) {
  const std::uint64_t now = size();
  if (!size_before_) size_before_ = now;
  if (wanted < now) before_zeros(wanted, now - wanted);
}

void UnsyncedFile::synced() {
  before_.clear();
  size_before_.reset();
}

void UnsyncedFile::put_back(std::uint64_t at, const std::string& old) {
  const std::uint64_t now = size();
  if (at >= now) return;
  const std::string bytes = old.empty() ? std::string(sector, '\0') : old;
  (void)!::pwrite(descriptor_, bytes.data(), std::min(sector, now - at), static_cast<off_t>(at));
}

void UnsyncedFile::lose_all() {
  if (size_before_) (void)!::ftruncate(descriptor_, static_cast<off_t>(*size_before_));
  for (const auto& [at, old] : before_) put_back(at, old);
  synced();
}

void UnsyncedFile::lose_some(policies::vocabulary::Random& random) {
  if (size_before_ && random.chance(0.5)) (void)!::ftruncate(descriptor_, static_cast<off_t>(*size_before_));
  // Half of the time whole runs of sectors go, as whole writes do; else each for itself.
  const bool runs = random.chance(0.5);
  bool lost = random.chance(0.5);
  std::uint64_t last = 0;
  for (const auto& [at, old] : before_) {
    if (!runs || at != last + sector) lost = random.chance(0.5);
    last = at;
    if (lost) put_back(at, old);
  }
  synced();
}

std::string UnsyncedNames::save(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 || is_directory(path)) return {};
  std::string name = keep_ + "/" + std::to_string(++saved_);
  return ::link(path.c_str(), name.c_str()) == 0 ? name : std::string();
}

void UnsyncedNames::made(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) changes_.push_back({{}, path, {}});
}

void UnsyncedNames::removed(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) changes_.push_back({path, {}, save(path)});
}

void UnsyncedNames::moved(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::lstat(from.c_str(), &status) == 0) changes_.push_back({from, to, save(to)});
}

void UnsyncedNames::synced(const std::string& directory) {
  // A directory keeps its names in order: with one change all earlier ones of it are sure.
  std::erase_if(changes_, [&](const Change& change) {
    return (!change.to.empty() && folder_of(change.to) == directory) || (!change.from.empty() && folder_of(change.from) == directory);
  });
}

void UnsyncedNames::lose_after(std::size_t kept) {
  while (changes_.size() > kept) {
    const Change change = std::move(changes_.back());
    changes_.pop_back();
    if (change.from.empty()) {
      (void)std::remove(change.to.c_str());
    } else if (change.to.empty()) {
      if (change.saved.empty()) (void)::mkdir(change.from.c_str(), 0700);
      else (void)::link(change.saved.c_str(), change.from.c_str());
    } else {
      (void)std::rename(change.to.c_str(), change.from.c_str());
      if (!change.saved.empty()) (void)::link(change.saved.c_str(), change.to.c_str());
    }
  }
  changes_.clear();
}

}  // namespace tests::machine
