#include "tests/provision/run/workshop.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "images/bundle/bundle.h"
#include "images/keys/key_files.h"
#include "policies/vocabulary/hex.h"
#include "provision/disk/apply.h"

namespace provision::run {
namespace {

namespace fs = std::filesystem;
using images::keys::KeyKind;
using images::keys::PrivateKey;

std::string text_in(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The power is cut by the ports, not by the kernel: so memory is as good as a disk here, and does not wait for one.
fs::path place_for_disks() {
  const bool chosen = std::getenv("TMPDIR") != nullptr;
  return !chosen && access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
}

constexpr const char* agent_unit =
    "[Unit]\nDescription=Agent\n\n[Service]\nExecStart=/usr/lib/leaseback/leaseback-agent "
    "run\n\n[Install]\nWantedBy=multi-user.target\n";

}  // namespace

Workshop::Workshop()
    : disks(processes),
      release_key(*PrivateKey::generate(KeyKind::SigningKey)),
      line_key_(*PrivateKey::generate(KeyKind::SigningKey)),
      device_key_(*PrivateKey::generate(KeyKind::MachineKey)) {
  folder_ = place_for_disks() / "leaseback-workshop-XXXXXX";
  if (mkdtemp(folder_.data()) == nullptr) std::abort();
  for (int i = 0; i < 2; ++i) slot_keys_.push_back(images::keys::random_bytes(disk::slot_key_size));
  make_bundle();
}

Workshop::~Workshop() { fs::remove_all(folder_); }

void Workshop::make_bundle() {
  std::string program;
  for (int i = 0; i < 20'000; ++i) program += std::to_string(i * 7919) + "\n";
  std::ofstream(path("agent")) << program;
  std::ofstream(path("unit")) << agent_unit;
  std::ofstream(path("rules"))
      << "ENV{ID_PART_ENTRY_TYPE}==\"7b1e9c4d-52a8-4f0b-9d63-1a3c8e5f2076\", ENV{UDISKS_IGNORE}=\"1\"\n";
  using images::bundle::EntryKind;
  const images::bundle::PackOrder order{
      "leaseback-agent",
      "1.2.3",
      "amd64",
      {{EntryKind::File, "/usr/lib/leaseback/leaseback-agent", 0755, path("agent"), {}},
       {EntryKind::File, "/usr/lib/systemd/system/leaseback-agent.service", 0644, path("unit"), {}},
       {EntryKind::File, "/usr/lib/udev/rules.d/90-leaseback.rules", 0644, path("rules"), {}}}};
  const auto packed = images::bundle::pack(files, order, path("agent.bundle"));
  if (!packed) std::abort();
  if (!images::bundle::sign(files, path("agent.bundle"), release_key)) std::abort();
  if (!images::keys::write_private_key(files, path("release.key"), release_key)) std::abort();
  if (!images::keys::write_public_key(files, path("release.pem"), release_key.public_key())) std::abort();
}

order::Work Workshop::small_work(const std::string& order) const {
  order::Work work;
  work.order = OrderId(order);
  work.owner = PartyId("alice");
  work.serial = "LB-1";
  work.model = "home-pc";
  work.zone = "America/Chicago";
  work.given = work.ordered = {gibibytes(1), 1000, mebibytes(256)};
  work.lease = mebibytes(128);
  work.agent = order::AgentChoice::Installed;
  work.terms = TermsId("home-night");
  work.terms_version = 1;
  work.terms_document = {"The terms.\n", "{\"terms\": 1}\n", images::keys::sha256("{\"terms\": 1}\n")};
  work.offer = OfferId("home");
  work.presets.host_name = "alice-pc";
  work.presets.controller_port = 8443;
  return work;
}

order::Work Workshop::retrofit_work(const std::string& order) const {
  order::Work work = small_work(order);
  work.kind = policies::terms::OrderKind::Retrofit;
  work.given.disk = work.ordered.disk = used_disk_size;
  return work;
}

BuildRequest Workshop::request(const order::Work& work, const std::string& disk) {
  BuildRequest request;
  request.work = work;
  request.disk_path = path(disk);
  request.image = ImageChoice::MakeWhenMissing;
  request.controller_url = "https://127.0.0.1:8443";
  request.authority_pem = "-----BEGIN CERTIFICATE-----\n";
  if (work.agent == order::AgentChoice::Installed)
    request.bundle = install::AgentBundle{path("agent.bundle"), {release_key.public_key()}};
  return request;
}

Station Workshop::station(const std::string& name, const order::Work& work) {
  fs::create_directories(path(name));
  if (!images::keys::write_private_key(files, path(name) + "/line.key", line_key_)) std::abort();
  auto station = Station::make(files, path(name), "line-1", clock.now());
  if (!station) std::abort();
  if (work.agent == order::AgentChoice::None) return std::move(*station);
  const auto run = station->run_folder(work.order.text);
  if (!run || !images::keys::write_private_key(files, *run + "/device.key", device_key_)) std::abort();
  Escrow escrow;
  escrow.order = work.order;
  escrow.serial = work.serial;
  escrow.purposes = {"controller", "recovery"};
  escrow.slot_keys = slot_keys_;
  if (!station->keep_escrow(escrow)) std::abort();
  return std::move(*station);
}

void Workshop::put_owner_files(const std::string& name, const std::string& partition) {
  const auto facts = disks.read(path(name));
  ASSERT_TRUE(facts);
  for (const disk::PartitionFacts& candidate : facts->partitions) {
    if (candidate.name != partition) continue;
    auto tree = disks.open_tree(path(name), candidate.extent, disk::TreeAccess::ReadWrite);
    ASSERT_TRUE(tree) << tree.error().text();
    std::string picture;
    for (int i = 0; i < 300'000; ++i) picture += static_cast<char>(i * i >> 3);
    ASSERT_TRUE((*tree)->put_directory("/alice", {0700, 1000, 1000, 1}));
    ASSERT_TRUE((*tree)->put_file("/alice/letter.txt", "Dear Bob\n", {0640, 1000, 1000, 2}));
    ASSERT_TRUE((*tree)->put_file("/alice/picture", picture, {0600, 1000, 1000, 3}));
    ASSERT_TRUE((*tree)->put_symlink("/alice/latest", "letter.txt", {0777, 1000, 1000, 4}));
    ASSERT_TRUE((*tree)->put_directory("/alice/empty", {0755, 1000, 1000, 5}));
    ASSERT_TRUE((*tree)->commit());
    return;
  }
  FAIL() << "no partition " << partition;
}

void Workshop::make_used_disk(const std::string& name) {
  ASSERT_TRUE(disks.make_image(path(name), used_disk_size));
  const auto facts = disks.read(path(name));
  ASSERT_TRUE(facts);
  disk::DiskRequest request;
  request.seed = "a used disk";
  request.esp = mebibytes(64);
  request.system = mebibytes(256);
  const auto plan = disk::plan_new_disk(request, *facts);
  ASSERT_TRUE(plan) << plan.error().text();
  class NoWitness final : public disk::StepWitness {
    Done begins(const disk::Step&) override { return {}; }
    Done ended(const disk::Step&) override { return {}; }
  } witness;
  const auto done = disk::apply(*plan, nullptr, disks, witness);
  ASSERT_TRUE(done) << done.error().text();
  auto tree = disks.open_tree(path(name), plan->partition(disk::Role::System)->extent, disk::TreeAccess::ReadWrite);
  ASSERT_TRUE(tree);
  ASSERT_TRUE(disk::put_file_with_parents(**tree, "/usr/lib/os-release", "ID=owners\n", {0644, 0, 0, 1}));
  ASSERT_TRUE(disk::put_file_with_parents(**tree, "/etc/hostname", "franks-own\n", {0644, 0, 0, 1}));
  ASSERT_TRUE((*tree)->commit());
  put_owner_files(name, "customer");
}

void Workshop::copy(const std::string& from, const std::string& to) const {
  ASSERT_EQ(std::system(("cp -r --sparse=always " + path(from) + " " + path(to)).c_str()), 0);
}

DiskSummary Workshop::summary(const std::string& name, const std::optional<Escrow>& escrow) {
  DiskSummary summary;
  const auto facts = disks.read(path(name));
  if (!facts) return summary;
  summary.table = disk::canonical_text(*facts);
  for (const disk::PartitionFacts& partition : facts->partitions) {
    if (partition.filesystem.kind == disk::FilesystemKind::Ext4) {
      auto tree = disks.open_tree(path(name), partition.extent, disk::TreeAccess::ReadOnly);
      const auto digest = tree ? (*tree)->hash("/") : Result<Digest>(tree.error());
      summary.trees.push_back(partition.name + " " + (digest ? digest->text : digest.error().text()) +
                              (partition.filesystem.clean ? "" : " not clean"));
    }
    if (!partition.luks) continue;
    summary.lease = partition.luks->uuid + " " + partition.luks->cipher;
    for (const disk::TokenSlot& slot : partition.luks->token->slots) {
      summary.lease += " " + slot.purpose + ":" + slot.key_digest.text;
      if (!escrow) continue;
      const auto opens = disks.slot_opens(path(name), partition.extent, slot.slot, escrow->slot_keys[slot.slot]);
      summary.lease += opens && *opens ? " opens" : " does not open";
    }
  }
  return summary;
}

Workshop::Said Workshop::run(const std::string& command) const {
  const std::string programs = LEASEBACK_BINARY_DIR "/bin";
  const std::string line =
      "cd " + folder_ + " && PATH=" + programs + ":$PATH:/usr/sbin:/sbin " + command + " >stdout 2>stderr";
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_in(path("stdout")),
          text_in(path("stderr"))};
}

}  // namespace provision::run
