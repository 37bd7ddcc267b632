// Goal: what a task writes through the interface is what RUNTIME.md says and what the sandbox reads, torn checkpoints
// included. Method: the interface over a folder laid out like a task's root, against the sandbox's own reader.
#include "agent/runtime/leaseback_task.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/sandbox/task_folder.h"

namespace agent::runtime {
namespace {

namespace task = leaseback::task;

class LeasebackTask : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::string made = (std::filesystem::temp_directory_path() / "leaseback-runtime-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
    std::filesystem::current_path(folder_);
    std::filesystem::create_directories("task/elements");
    for (const char* name : {"task/result", "task/checkpoint.0", "task/checkpoint.1"}) put(name, "");
    put("task/control", "r");
    put("task/parameters.json", R"({"row": 3})");
    put("task/elements/words", "one two");
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  static void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  static std::string get(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  std::filesystem::path before_;
  std::filesystem::path folder_;
};

TEST_F(LeasebackTask, ReadsItsParametersAndElements) {
  EXPECT_EQ(task::parameters(), R"({"row": 3})");
  EXPECT_EQ(get(task::element_path("words")), "one two");
  EXPECT_THROW(task::element_path("absent"), std::system_error);
  EXPECT_THROW(task::element_path("../control"), std::system_error);
}

TEST_F(LeasebackTask, TheLastResultCounts) {
  task::write_result("a long first result");
  task::write_result("short");
  task::append_result(" and more");
  EXPECT_EQ(get("task/result"), "short and more");
}

TEST_F(LeasebackTask, CheckpointsAlternateAndTheNewestIsReadByBothSides) {
  EXPECT_FALSE(task::read_checkpoint());
  EXPECT_FALSE(sandbox::newest_checkpoint("task"));
  for (int step = 1; step <= 5; ++step) {
    const std::string state(static_cast<std::size_t>(step) * 1000, static_cast<char>('0' + step));
    task::write_checkpoint(state);
    EXPECT_EQ(task::read_checkpoint(), state);
    EXPECT_EQ(*sandbox::newest_checkpoint("task"), state);
  }
}

TEST_F(LeasebackTask, ATornCheckpointLeavesTheOneBeforeIt) {
  task::write_checkpoint("first");
  task::write_checkpoint("second");
  const std::string whole = get("task/checkpoint.1");
  ASSERT_NE(whole.find("second"), std::string::npos);
  for (std::size_t kept = 0; kept < whole.size(); ++kept) {
    put("task/checkpoint.1", whole.substr(0, kept));
    EXPECT_EQ(task::read_checkpoint(), "first") << kept;
    EXPECT_EQ(*sandbox::newest_checkpoint("task"), "first") << kept;
  }
  std::string flipped = whole;
  flipped[40 < flipped.size() ? 33 : 0] ^= 1;
  put("task/checkpoint.1", flipped);
  EXPECT_EQ(*sandbox::newest_checkpoint("task"), "first");
}

TEST_F(LeasebackTask, HearsWhatTheEnvironmentWants) {
  EXPECT_FALSE(task::checkpoint_asked());
  EXPECT_FALSE(task::stop_asked());
  sandbox::set_control("task", 'c');
  EXPECT_TRUE(task::checkpoint_asked());
  EXPECT_FALSE(task::stop_asked());
  sandbox::set_control("task", 's');
  EXPECT_TRUE(task::checkpoint_asked());
  EXPECT_TRUE(task::stop_asked());
}

}  // namespace
}  // namespace agent::runtime
