// Goal: a machine is left as clean as it was bought, and only when its release is done and reported; cut anywhere, the system's own
// tool for leftovers finishes it. Method: the tree of a machine in a temporary folder, removals that fail at each place in turn.
#include "provision/run/leave_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "images/files/posix_files.h"
#include "provision/disk/living_tree.h"

namespace provision::run {
namespace {

using testing::HasSubstr;

const char* const list_path = "/usr/lib/tmpfiles.d/leaseback.conf";

class Machine {
 public:
  explicit Machine(const std::string& state) {
    std::string pattern = (std::filesystem::temp_directory_path() / "leaving.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ + "/var/lib/leaseback-release");
    file("/var/lib/leaseback/status.json", "{\"state\":\"" + state + "\"}\n");
    file("/var/lib/leaseback/device.key", "secret");
    file("/var/lib/leaseback/owner/receipt.dsse", "the receipt");
    file("/var/lib/leaseback/installed.json", "{\"format\":1,\"made_folders\":[\"/etc/made\"]}\n");
    file("/etc/leaseback/agent.yaml", "x");
    file("/usr/lib/leaseback/leaseback-agent", "x");
    file("/usr/lib/systemd/system/leaseback-agent.service", "x");
    file("/usr/lib/udev/rules.d/90-leaseback.rules", "x");
    file("/etc/hostname", "guest");
    file("/home/alice/leaseback-notes.txt", "the owner's");
    std::filesystem::create_directories(root_ + "/etc/made");
    std::filesystem::create_directories(root_ + "/etc/systemd/system/multi-user.target.wants");
    std::filesystem::create_symlink("/usr/lib/systemd/system/leaseback-agent.service",
                                    root_ + "/etc/systemd/system/multi-user.target.wants/leaseback-agent.service");
  }
  ~Machine() { std::filesystem::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  [[nodiscard]] bool has(const std::string& path) const { return std::filesystem::exists(std::filesystem::symlink_status(root_ + path)); }
  [[nodiscard]] std::string text(const std::string& path) const {
    std::stringstream text;
    text << std::ifstream(root_ + path).rdbuf();
    return text.str();
  }
  [[nodiscard]] const std::string& root() const { return root_; }

 private:
  std::string root_;
};

// Power fails before the removal with this number.
class CutTree final : public disk::FileTree {
 public:
  CutTree(const std::string& root, int cut_at) : tree_(root), cut_at_(cut_at) {}
  Result<disk::Change> remove(const std::string& path) override {
    if (removals_++ == cut_at_) return Error{ErrorCode::IoFailure, "power failed", {}};
    return tree_.remove(path);
  }
  Result<disk::Change> put_directory(const std::string& path, const disk::Attributes& a) override { return tree_.put_directory(path, a); }
  Result<disk::Change> put_file(const std::string& path, std::string_view bytes, const disk::Attributes& a) override { return tree_.put_file(path, bytes, a); }
  Result<disk::Change> put_symlink(const std::string& path, const std::string& to, const disk::Attributes& a) override { return tree_.put_symlink(path, to, a); }
  Done add(const disk::NewNode& node) override { return tree_.add(node); }
  Done append(std::string_view bytes) override { return tree_.append(bytes); }
  Result<disk::Node> look(const std::string& path) override { return tree_.look(path); }
  Result<std::string> read_file(const std::string& path, Bytes limit) override { return tree_.read_file(path, limit); }
  Result<bool> holds(const disk::NewNode& node) override { return tree_.holds(node); }
  Result<Digest> digest_of_file(const std::string& path) override { return tree_.digest_of_file(path); }
  Result<std::vector<disk::Node>> list(const std::string& path) override { return tree_.list(path); }
  Result<Digest> hash(const std::string& path) override { return tree_.hash(path); }
  Done commit() override { return tree_.commit(); }

 private:
  disk::LivingTree tree_;
  int cut_at_;
  int removals_ = 0;
};

const char* const ours[] = {"/var/lib/leaseback", "/etc/leaseback", "/usr/lib/leaseback", "/usr/lib/systemd/system/leaseback-agent.service",
                            "/usr/lib/udev/rules.d/90-leaseback.rules", "/etc/systemd/system/multi-user.target.wants/leaseback-agent.service"};

TEST(Leaving, WaitsUntilTheReleaseIsReported) {
  const Machine machine("reporting");
  disk::LivingTree tree(machine.root());
  images::files::PosixFiles files;
  const auto report = leave_machine(tree, files, machine.root(), "/var/lib/leaseback-release");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_FALSE(report->due);
  for (const char* path : ours) EXPECT_TRUE(machine.has(path)) << path;
}

TEST(Leaving, TakesAllOfOursAndNothingElse) {
  const Machine machine("released");
  disk::LivingTree tree(machine.root());
  images::files::PosixFiles files;
  const auto report = leave_machine(tree, files, machine.root(), "/var/lib/leaseback-release");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->due);
  for (const char* path : ours) EXPECT_FALSE(machine.has(path)) << path;
  EXPECT_FALSE(machine.has(list_path));
  EXPECT_FALSE(machine.has("/etc/made"));
  EXPECT_TRUE(machine.has("/etc/hostname"));
  EXPECT_TRUE(machine.has("/home/alice/leaseback-notes.txt"));
  EXPECT_EQ(machine.text("/var/lib/leaseback-release/owner/receipt.dsse"), "the receipt");
}

TEST(Leaving, CutAnywhereLeavesAListOfTheRest) {
  for (int cut_at = 0; cut_at < 6; ++cut_at) {
    const Machine machine("released");
    CutTree tree(machine.root(), cut_at);
    images::files::PosixFiles files;
    ASSERT_FALSE(leave_machine(tree, files, machine.root(), "/var/lib/leaseback-release"));
    const std::string list = machine.text(list_path);
    for (const char* path : ours)
      if (machine.has(path)) {
        EXPECT_THAT(list, HasSubstr(std::string("R! ") + path + "\n")) << "cut at " << cut_at;
      }
    EXPECT_EQ(machine.text("/var/lib/leaseback-release/owner/receipt.dsse"), "the receipt") << "cut at " << cut_at;
  }
}

TEST(Leaving, RefusesAStatusThatIsNone) {
  const Machine machine("released");
  machine.file("/var/lib/leaseback/status.json", "released");
  disk::LivingTree tree(machine.root());
  images::files::PosixFiles files;
  const auto report = leave_machine(tree, files, machine.root(), "/var/lib/leaseback-release");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::Corrupt);
  EXPECT_TRUE(machine.has("/etc/leaseback"));
}

}  // namespace
}  // namespace provision::run
