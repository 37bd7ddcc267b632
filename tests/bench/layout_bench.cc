// links: provision_disk images_keys
// What a finished layout costs, beside the programs that people use for it, in one run: a sparse 256 GiB image with an ESP of
// 512 MiB (FAT32), a system of 32 GiB and a home of 159 GiB (ext4), and a lease of 64 GiB. Ours also writes the LUKS2 header, the
// type GUID and the attribute bits; the others leave the lease empty. Each is a process of its own, from its start to its end,
// everything durable when it ends; the rounds take turns, and the medians are compared. systemd-repart needs root for its
// filesystems (loop devices) and gives the attributes of feasibility's trap: none. TMPDIR says where the images lie.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "images/keys/keys.h"
#include "provision/disk/apply.h"
#include "provision/disk/parted_disks.h"

namespace {
using namespace provision::disk;

constexpr int rounds = 7;

struct Silence final : StepWitness {
  Done begins(const Step&) override { return {}; }
  Done ended(const Step&) override { return {}; }
};

LeaseKeys fixed_keys() {
  LeaseKeys keys;
  keys.volume_key = std::string(volume_key_size, 'v');
  keys.slot_keys = {std::string(slot_key_size, 'c'), std::string(slot_key_size, 'r')};
  return keys;
}

Result<DiskPlan> plan_of(const std::string& path, Disks& disks, const LeaseKeys& keys) {
  Result<DiskFacts> facts = disks.read(path);
  if (!facts) return facts.error();
  DiskRequest request;
  request.seed = "bench";
  request.system = gibibytes(32);
  request.lease = gibibytes(64);
  request.seal = {{}, {{0, "controller", key_digest_of(keys.slot_keys[0])}, {1, "recovery", key_digest_of(keys.slot_keys[1])}}};
  return plan_new_disk(request, *facts);
}

// The child's work: 0 when the disk is as planned.
int lay_out(const std::string& path) {
  PosixProcesses processes;
  PartedDisks disks(processes);
  Silence silence;
  const LeaseKeys keys = fixed_keys();
  Result<DiskPlan> plan = plan_of(path, disks, keys);
  if (!plan) return 1;
  Result<std::vector<Step>> done = apply(*plan, &keys, disks, silence);
  if (!done) std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return done ? 0 : 1;
}

int verify_it(const std::string& path) {
  PosixProcesses processes;
  PartedDisks disks(processes);
  const LeaseKeys keys = fixed_keys();
  Result<DiskPlan> plan = plan_of(path, disks, keys);
  if (!plan) return 1;
  Result<std::vector<std::string>> findings = verify(*plan, &keys, disks);
  return findings && findings->empty() ? 0 : 1;
}

struct Spent {
  double wall_ms = 0;
  double processor_ms = 0;
};

double seconds_of(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; }

Spent run(const std::string& command) {
  rusage before{};
  getrusage(RUSAGE_CHILDREN, &before);
  const auto began = std::chrono::steady_clock::now();
  const int status = std::system(command.c_str());
  const auto ended = std::chrono::steady_clock::now();
  rusage after{};
  getrusage(RUSAGE_CHILDREN, &after);
  if (status != 0) {
    std::fprintf(stderr, "failed: %s\n", command.c_str());
    std::exit(1);
  }
  const double processor = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) - seconds_of(before.ru_utime) - seconds_of(before.ru_stime);
  return {std::chrono::duration<double, std::milli>(ended - began).count(), processor * 1e3};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Contestant {
  std::string name;
  std::string command;
  std::vector<double> wall = {};
  std::vector<double> processor = {};
};

void write_repart_definitions(const std::string& folder) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"10-esp", "Type=esp\nFormat=vfat\nSizeMinBytes=512M\nSizeMaxBytes=512M\n"},
      {"20-root", "Type=root\nFormat=ext4\nSizeMinBytes=32G\nSizeMaxBytes=32G\n"},
      {"30-home", "Type=home\nFormat=ext4\nWeight=1000\n"},
      {"40-lease", "Type=7b1e9c4d-52a8-4f0b-9d63-1a3c8e5f2076\nLabel=LEASE\nSizeMinBytes=64G\nSizeMaxBytes=64G\n"}};
  mkdir((folder + "/repart.d").c_str(), 0755);
  for (const auto& [name, text] : files) std::ofstream(folder + "/repart.d/" + name + ".conf") << "[Partition]\n" << text;
}

std::string script_of(const std::string& disk) {
  const auto at = [](std::uint64_t mib) { return std::to_string(mib << 20); };
  return "{ sgdisk -n 1:2048:+512M -t 1:EF00 -n 2:0:+32G -t 2:8304 -n 3:0:+159G -t 3:8302 -n 4:0:0 " + disk + " && mkfs.vfat -s 1 --offset 2048 " + disk +
         " 524288 && mke2fs -q -F -t ext4 -E offset=" + at(513) + " " + disk + " 33554432k && mke2fs -q -F -t ext4 -E offset=" + at(513 + 32768) + " " +
         disk + " 166723584k; } >/dev/null 2>&1";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "lay-out") == 0) return lay_out(argv[2]);
  if (argc == 3 && std::strcmp(argv[1], "verify") == 0) return verify_it(argv[2]);
  const char* base = std::getenv("TMPDIR");
  std::string folder = std::string(base == nullptr ? "/tmp" : base) + "/leaseback-layout-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const std::string disk = folder + "/disk.img";
  const std::string self = std::string("/proc/") + std::to_string(getpid()) + "/exe ";
  write_repart_definitions(folder);
  std::vector<Contestant> contestants = {{"ours", self + "lay-out " + disk}, {"sgdisk + mkfs", script_of(disk)}};
  if (geteuid() == 0 && access("/usr/bin/systemd-repart", X_OK) == 0)
    contestants.push_back({"systemd-repart", "systemd-repart --definitions=" + folder + "/repart.d --empty=force --dry-run=no " + disk + " >/dev/null 2>&1"});
  else
    std::printf("systemd-repart: left out, it needs root for filesystems\n");
  Contestant verification{"our verification", self + "verify " + disk};
  for (int round = 0; round < rounds; ++round)
    for (Contestant& contestant : contestants) {
      (void)std::system(("rm -f " + disk + "; truncate -s 256G " + disk + "; sync " + disk).c_str());
      const Spent spent = run(contestant.command);
      contestant.wall.push_back(spent.wall_ms);
      contestant.processor.push_back(spent.processor_ms);
      if (&contestant != &contestants.front()) continue;
      const Spent verified = run(verification.command);
      verification.wall.push_back(verified.wall_ms);
      verification.processor.push_back(verified.processor_ms);
    }
  (void)std::system(("rm -rf " + folder).c_str());

  const Contestant& ours = contestants.front();
  std::printf("256 GiB sparse image, median of %d rounds\n", rounds);
  for (const Contestant& contestant : contestants)
    std::printf("  %-18s %7.0f ms wall %7.0f ms processor   %.2f times ours\n", contestant.name.c_str(), median(contestant.wall),
                median(contestant.processor), median(contestant.wall) / median(ours.wall));
  std::printf("  %-18s %7.0f ms wall %7.0f ms processor   (table, e2fsck of both, header, every key and a wrong one)\n", verification.name.c_str(),
              median(verification.wall), median(verification.processor));
  return 0;
}
