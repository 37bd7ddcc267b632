// Goal: the shipped program seals the lease partition to a TPM, is refused when the boot state changes, comes back by the controller's
// key, and seals anew; a cut of the steps between leaves a partition that still opens. Method: the real program and the real libraries
// on a LUKS2 file, a software TPM, tpm2-tools to change its registers, cryptsetup to judge the header. Mapping needs device-mapper,
// which tests/vm has.
#include <boost/json.hpp>

#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"
#include "provision/disk/parted_disks.h"
#include "provision/lease/lease.h"
#include "provision/lease/tss_tpm.h"
#include "tests/provision/lease/software_tpm.h"

namespace provision::lease {
namespace {

using policies::vocabulary::hex_of;

struct Said {
  int status = -1;
  std::string out;
  std::string err;
  [[nodiscard]] boost::json::object json() const { return boost::json::parse(out).as_object(); }
};

class LeaseProgram : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"swtpm", "tpm2_pcrextend", "cryptsetup"})
      if (!installed(program)) GTEST_SKIP() << program << " is not installed";
    tpm = std::make_unique<SoftwareTpm>(folder.path());
    ASSERT_TRUE(tpm->runs());
    // A boot that measured something, as real firmware does.
    ASSERT_TRUE(tpm->measure('1'));
    make_container();
  }

  void make_container() {
    keys.volume_key = images::keys::random_bytes(disk::volume_key_size);
    keys.slot_keys = {images::keys::random_bytes(disk::slot_key_size), images::keys::random_bytes(disk::slot_key_size)};
    disk::PlannedPartition partition;
    partition.role = disk::Role::Lease;
    partition.content = disk::Content::SealedLease;
    partition.extent = {Bytes{0}, mebibytes(64)};
    partition.luks.emplace();
    partition.luks->uuid = "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11";
    partition.luks->token = {{{"order", "home-1"}},
                             {{0, "controller", disk::key_digest_of(keys.slot_keys[0])}, {1, "recovery", disk::key_digest_of(keys.slot_keys[1])}}};
    disk::PosixProcesses processes;
    disk::PartedDisks disks(processes);
    ASSERT_TRUE(disks.make_image(file, mebibytes(64)));
    const Done made = disks.format(file, {partition}, &keys);
    ASSERT_TRUE(made) << made.error().text();
  }

  Said lease(const std::string& words, const std::string& key = "", const std::string& where = "") {
    std::ofstream(folder / "key") << key;
    const std::string command = "'" LEASEBACK_BINARY_DIR "/bin/leaseback-provision' lease " + words + " '" + file + "' --state '" + folder.path() + "' --json --tpm '" +
                                (where.empty() ? tpm->place() : where) + "' < '" + (folder / "key") + "' > '" + (folder / "out") + "' 2> '" + (folder / "err") + "'";
    Said said;
    said.status = WEXITSTATUS(std::system(command.c_str()));
    std::ifstream out(folder / "out");
    said.out.assign(std::istreambuf_iterator<char>(out), {});
    std::ifstream err(folder / "err");
    said.err.assign(std::istreambuf_iterator<char>(err), {});
    return said;
  }
  Said try_keys(const std::string& key = "") { return lease("open --dry-run --key-stdin", key); }
  Said seal(const std::string& key) { return lease("seal --key-stdin", key); }
  std::string controller_key() { return hex_of(keys.slot_keys[0]); }
  std::string recovery_key() { return hex_of(keys.slot_keys[1]); }
  std::size_t slots() { return lease("status").json().at("slots").as_array().size(); }

  TestFolder folder;
  std::string file = folder / "lease.img";
  disk::LeaseKeys keys;
  std::unique_ptr<SoftwareTpm> tpm;
};

TEST_F(LeaseProgram, AsksForAKeyUntilItIsSealedAndThenOpensByTheTpm) {
  const Said fresh = try_keys();
  EXPECT_EQ(fresh.status, 4) << fresh.err;
  EXPECT_EQ(fresh.json().at("state"), "key-needed");

  const Said sealed = seal(controller_key());
  ASSERT_EQ(sealed.status, 0) << sealed.err;
  const Said opened = try_keys();
  ASSERT_EQ(opened.status, 0) << opened.err;
  EXPECT_EQ(opened.json().at("state"), "would-open");
  EXPECT_EQ(opened.json().at("by"), "tpm");
  EXPECT_EQ(slots(), 3U);
}

TEST_F(LeaseProgram, AChangedBootStateIsRefusedRecoveredAndSealedAnew) {
  ASSERT_EQ(seal(controller_key()).status, 0);
  ASSERT_TRUE(tpm->measure('2'));  // the firmware was updated
  const Said refused = try_keys();
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.json().at("reason").as_string().find("boot state changed"), boost::json::string::npos) << refused.out;

  EXPECT_EQ(try_keys(controller_key()).json().at("by"), "given-key");
  EXPECT_EQ(try_keys(recovery_key()).json().at("by"), "given-key");
  const Said sealed = seal(controller_key());
  ASSERT_EQ(sealed.status, 0) << sealed.err;
  EXPECT_EQ(sealed.json().at("retired_slots").as_array().size(), 1U) << "the old one went";
  EXPECT_EQ(try_keys().json().at("by"), "tpm");
  EXPECT_EQ(slots(), 3U);
  EXPECT_EQ(std::system(("cryptsetup luksDump '" + file + "' > '" + (folder / "dump") + "'").c_str()), 0) << "cryptsetup reads the header";
}

TEST_F(LeaseProgram, AClearedOrForeignTpmIsRefused) {
  ASSERT_EQ(seal(controller_key()).status, 0);
  ASSERT_TRUE(tpm->clear());
  const Said refused = try_keys();
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.json().at("reason").as_string().find("another TPM"), boost::json::string::npos) << refused.out;
  ASSERT_EQ(seal(recovery_key()).status, 0);
  EXPECT_EQ(try_keys().json().at("by"), "tpm");
}

TEST_F(LeaseProgram, WithoutATpmTheControllersKeyOpensItEachTime) {
  const Said none = lease("open --dry-run", "", "none");
  EXPECT_EQ(none.status, 4);
  const Said gone = lease("open --dry-run", "", "swtpm:host=127.0.0.1,port=1");
  EXPECT_EQ(gone.status, 4) << "a TPM that does not answer is none: " << gone.err;
  EXPECT_EQ(lease("open --dry-run --key-stdin", controller_key(), "none").status, 0);
  EXPECT_EQ(lease("seal --key-stdin", controller_key(), "none").status, 1);
}

TEST_F(LeaseProgram, RefusesKeysThatDoNotFitAndRepeatsNone) {
  const std::string wrong(64, 'f');
  for (const std::string& bad : {wrong, std::string("not-hexadecimal"), controller_key() + "00"}) {
    const Said said = try_keys(bad);
    EXPECT_NE(said.status, 0);
    EXPECT_EQ((said.out + said.err).find(bad), std::string::npos) << said.err;
  }
  EXPECT_EQ(slots(), 2U);
}

TEST_F(LeaseProgram, NoKeyIsLeftInTheHeader) {
  ASSERT_EQ(seal(controller_key()).status, 0);
  std::ifstream image(file, std::ios::binary);
  std::string header(std::size_t{1} << 24, '\0');
  image.read(header.data(), static_cast<std::streamsize>(header.size()));
  for (const std::string& key : keys.slot_keys) {
    EXPECT_EQ(header.find(key), std::string::npos);
    EXPECT_EQ(header.find(hex_of(key)), std::string::npos);
  }
}

TEST_F(LeaseProgram, SaysWhatTheMachineMeasures) {
  EXPECT_TRUE(lease("status").json().at("boot_state_measured").as_bool());
}

// Cuts: the container stops taking changes after so many of them, as a power cut between two durable writes does.
class CutContainer final : public disk::LuksContainer {
 public:
  CutContainer(disk::LuksContainer& under, int changes) : under_(under), left_(changes) {}
  Result<disk::ContainerFacts> read() override { return under_.read(); }
  Result<bool> slot_opens(std::uint32_t slot, const std::string& key) override { return under_.slot_opens(slot, key); }
  Result<std::uint32_t> add_slot(std::uint32_t slot, const std::string& key, const std::string& fresh) override {
    if (left_-- <= 0) return cut;
    return under_.add_slot(slot, key, fresh);
  }
  Done remove_slot(std::uint32_t slot) override { return left_-- <= 0 ? Done(cut) : under_.remove_slot(slot); }
  Result<std::uint32_t> add_token(const std::string& json) override {
    if (left_-- <= 0) return cut;
    return under_.add_token(json);
  }
  Done remove_token(std::uint32_t number) override { return left_-- <= 0 ? Done(cut) : under_.remove_token(number); }
  Result<bool> mapped(const std::string&) override { return false; }
  Done map(const std::string&, std::uint32_t, const std::string&) override { return {}; }
  Done unmap(const std::string&) override { return {}; }

 private:
  const Error cut{ErrorCode::Interrupted, "the power failed", {}};
  disk::LuksContainer& under_;
  int left_;
};

class NoMounts final : public Mounts {
 public:
  Result<std::string> source_at(const std::string&) override { return std::string(); }
  Result<bool> apart() override { return true; }
  Done mount(const std::string&, const std::string&, FolderOwner) override { return {}; }
  Result<Bytes> capacity(const std::string&) override { return Bytes{}; }
  Done unmount(const std::string&) override { return {}; }
};

TEST_F(LeaseProgram, ACutBetweenAnyTwoChangesOfASealingLeavesAPartitionThatOpens) {
  ASSERT_EQ(seal(controller_key()).status, 0);
  ASSERT_TRUE(tpm->measure('3'));
  disk::PosixProcesses processes;
  disk::PartedDisks disks(processes);
  NoMounts mounts;
  constexpr int changes_max = 20;
  const std::string before = file;
  file = folder / "cut.img";
  int cuts = 0;
  for (bool whole = false; !whole && cuts < changes_max; ++cuts) {
    ASSERT_EQ(std::system(("cp --sparse=always '" + before + "' '" + file + "'").c_str()), 0);
    const auto container = *disk::open_container(file);
    const auto open = [&](int changes, const std::string& key) {
      auto connection = *TssTpm::open(tpm->place());
      CutContainer cutting(*container, changes);
      const LeasePorts ports{cutting, connection.get(), "", mounts, disks, processes, [] { return Secret(images::keys::random_bytes(disk::slot_key_size)); }};
      OpenRequest request;
      request.mapping = "leaseback-test";
      request.given = Secret(key);
      return *open_lease(request, ports);
    };
    const OpenReport report = open(cuts, keys.slot_keys[0]);
    EXPECT_TRUE(report.opened) << "sealing is for the next boot: this one goes on";
    whole = report.sealed;
    // Neither the controller's key nor the recovery key was ever at risk.
    EXPECT_TRUE(*container->slot_opens(0, keys.slot_keys[0])) << cuts;
    EXPECT_TRUE(*container->slot_opens(1, keys.slot_keys[1])) << cuts;
    // The next start opens it, by itself or by the key, and leaves nothing of the cut behind.
    const bool by_itself = open(changes_max, "").opened;
    EXPECT_TRUE(by_itself || open(changes_max, keys.slot_keys[0]).opened) << cuts;
    EXPECT_EQ(try_keys().json().at("by"), "tpm") << cuts;
    EXPECT_EQ(slots(), 3U) << cuts;
  }
  std::printf("cut points of a sealing: %d\n", cuts - 1);
  EXPECT_GE(cuts, 4) << "a slot, a token, an old slot, an old token";
}

}  // namespace
}  // namespace provision::lease
