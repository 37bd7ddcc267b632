// A factory in a temporary folder: real files, real disks (sparse images), real tools; a small machine, a small bundle,
// a clock that stands still. Removed at the end.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "images/files/posix_files.h"
#include "images/keys/keys.h"
#include "policies/terms/iana_zone.h"
#include "provision/disk/parted_disks.h"
#include "provision/run/factory_run.h"
#include "provision/run/release_run.h"
#include "provision/run/retrofit_run.h"

namespace provision::run {
using namespace policies::vocabulary;

class StillClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return *instant_from("2026-11-21T12:00:00Z"); }
};

class Silence final : public Progress {
 public:
  void begins(std::string_view) override {}
  void notes(std::string_view) override {}
};

// What a finished disk comes down to, for comparing two of them: the table, the files of each ext4 by its tree digest,
// what the LUKS header says and whether its keys open it.
struct DiskSummary {
  std::string table;
  std::vector<std::string> trees;
  std::string lease;
  bool operator==(const DiskSummary&) const = default;
};

inline constexpr Bytes used_disk_size = gibibytes(3);

class Workshop {
 public:
  Workshop();
  ~Workshop();

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  RunPorts ports() { return {files, disks, processes, clock, progress}; }

  // A machine with 1 GiB of disk, an eighth of it leased.
  order::Work small_work(const std::string& order) const;
  // The same lease on a used disk.
  order::Work retrofit_work(const std::string& order) const;
  BuildRequest request(const order::Work& work, const std::string& disk);
  // A station whose line key, and whose device and slot keys for this order, are those of every other station made
  // here: so two runs of one order end in the same bytes.
  Station station(const std::string& name, const order::Work& work);

  // A used disk: EFI partition, the owner's system, the owner's home, some files in both.
  void make_used_disk(const std::string& name);
  void put_owner_files(const std::string& name, const std::string& partition);
  void copy(const std::string& from, const std::string& to) const;
  // Keys are those of the station's escrow; none are tried without one.
  DiskSummary summary(const std::string& name, const std::optional<Escrow>& escrow);

  struct Said {
    int status = 0;
    std::string out;
    std::string err;
  };
  // Runs a program of this build (or a system tool) to its end.
  Said run(const std::string& command) const;

  images::files::PosixFiles files;
  disk::PosixProcesses processes;
  disk::PartedDisks disks;
  policies::terms::IanaZoneRules zones;
  StillClock clock;
  Silence progress;
  images::keys::PrivateKey release_key;

 private:
  void make_bundle();
  std::string folder_;
  images::keys::PrivateKey line_key_;
  images::keys::PrivateKey device_key_;
  std::vector<std::string> slot_keys_;
};

}  // namespace provision::run
