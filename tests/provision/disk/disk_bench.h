// What the tests of provision/disk share: a folder that goes away, an order to plan for, and programs that judge the result.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "images/keys/keys.h"
#include "provision/disk/apply.h"
#include "provision/disk/parted_disks.h"

namespace provision::disk {

class TempFolder {
 public:
  TempFolder() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/leaseback-disk-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    if (!path_.empty()) (void)std::system(("rm -rf '" + path_ + "'").c_str());
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline LeaseKeys some_keys() {
  LeaseKeys keys;
  keys.volume_key = images::keys::random_bytes(volume_key_size);
  keys.slot_keys = {images::keys::random_bytes(slot_key_size), images::keys::random_bytes(slot_key_size)};
  return keys;
}

inline LeaseSeal seal_for(const LeaseKeys& keys) {
  return {{{"order", "home-1"}, {"terms", "home-night"}},
          {{0, "controller", key_digest_of(keys.slot_keys[0])}, {1, "recovery", key_digest_of(keys.slot_keys[1])}}};
}

// The home order of the source document in its incentive form: 40 GB, of which 15 % are leased.
inline DiskRequest home_request(const LeaseKeys& keys) {
  DiskRequest request;
  request.seed = "home-1 image";
  request.system = gibibytes(8);
  request.lease = {6'000'000'000};
  request.seal = seal_for(keys);
  return request;
}

class Witness final : public StepWitness {
 public:
  Done begins(const Step& step) override {
    begun.push_back(std::string(name_of(step.kind)));
    return {};
  }
  Done ended(const Step&) override { return {}; }
  std::vector<std::string> begun;
};

// A program that judges, found as PosixProcesses finds it; skips the test when it is not installed.
#define JUDGE(outcome, ...)                                                                     \
  Result<Outcome> outcome = processes_.run(__VA_ARGS__);                                        \
  if (!outcome && outcome.error().code == ErrorCode::NotFound) GTEST_SKIP() << outcome.error().text(); \
  ASSERT_TRUE(outcome) << outcome.error().text()

}  // namespace provision::disk
