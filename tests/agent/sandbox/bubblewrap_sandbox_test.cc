// Goal: a task reaches nothing but what it was given, and costs no more than it may. Method: a static program that
// attacks, in the real sandbox of this machine. Skipped, with the reason, where none can be made.
#include "agent/sandbox/bubblewrap_sandbox.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "agent/sandbox/bubblewrap_command.h"

namespace agent::sandbox {
namespace {

using namespace std::chrono_literals;

class BubblewrapTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "leaseback-sandbox-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
    std::filesystem::copy_file(SANDBOX_ATTACKER, folder_ / "attacker");
    make_sandbox();
    if (!sandbox_->abilities().available) GTEST_SKIP() << "no sandbox here: " << sandbox_->abilities().reason;
  }
  void make_sandbox() {
    sandbox_ = std::make_unique<BubblewrapSandbox>(settings_, [this](TaskEnd end) {
      const std::lock_guard lock(mutex_);
      ends_.push_back(std::move(end));
      arrived_.notify_all();
    });
  }
  void TearDown() override {
    sandbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  TaskSpec spec(std::vector<std::string> words, const std::string& name = "a") {
    const std::filesystem::path folder = folder_ / ("task-" + name);
    std::filesystem::create_directories(folder);
    return {.assignment = AssignmentId{name},
            .folder = folder.string(),
            .elements = {{.name = "attacker", .path = (folder_ / "attacker").string(), .executable = true}},
            .entry = "attacker",
            .arguments = std::move(words),
            .parameters_json = R"({"x": 1})",
            .limits = {.memory = mebibytes(128),
                       .scratch = mebibytes(8),
                       .result = kibibytes(256),
                       .processor = Duration{20'000},
                       .wall = Duration{30'000},
                       .processes = 16}};
  }
  TaskEnd wait_for_end() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 60s, [this] { return !ends_.empty(); })) return {.reason = "no end came"};
    TaskEnd end = ends_.front();
    ends_.erase(ends_.begin());
    return end;
  }
  TaskEnd run(const TaskSpec& task) {
    Done started = sandbox_->start(task);
    if (!started) return {.reason = started.error().text()};
    return wait_for_end();
  }

  BubblewrapSettings settings_{.stop_grace = Duration{300}};
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<TaskEnd> ends_;
  std::unique_ptr<BubblewrapSandbox> sandbox_;
};

TEST_F(BubblewrapTest, ATaskReadsItsParametersAndWritesItsResult) {
  const TaskEnd end = run(spec({"hello"}));
  EXPECT_EQ(end.kind, EndKind::Exited) << end.reason;
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.result, R"(hello {"x": 1})");
  EXPECT_GT(end.processor, Duration{0});
}

TEST_F(BubblewrapTest, ThereIsNoNetworkOfAnyFamily) {
  const TaskEnd end = run(spec({"network"}));
  EXPECT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_EQ(end.result, "");
}

TEST_F(BubblewrapTest, OnlyTheTasksOwnFilesAreThere) {
  const TaskEnd end = run(spec({"look"}));
  EXPECT_EQ(end.exit_code, 0) << end.reason;
  std::set<std::string> seen;
  for (std::size_t at = 0; at < end.result.size();) {
    const std::size_t line = end.result.find('\n', at);
    seen.insert(end.result.substr(at, line - at));
    at = line + 1;
  }
  for (const char* wanted : {"//dev", "//proc", "//task", "/task/parameters.json", "/task/control", "/task/elements",
                             "/task/result", "/task/scratch"}) {
    EXPECT_TRUE(seen.erase(wanted)) << wanted;
  }
  for (const char* wanted : {"/task/checkpoint.0", "/task/checkpoint.1", "/proc/self/fd/0", "/proc/self/fd/1",
                             "/proc/self/fd/2", "/proc/self/fd/3"})
    seen.erase(wanted);
  EXPECT_TRUE(seen.empty()) << "also reached: " << *seen.begin();
}

TEST_F(BubblewrapTest, NoWallComesDown) {
  const TaskEnd end = run(spec({"privileges"}));
  EXPECT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_EQ(end.result, "");
}

TEST_F(BubblewrapTest, ScratchAndSharedMemoryAreBounded) {
  TaskEnd end = run(spec({"fill", "/task/scratch"}, "scratch"));
  ASSERT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_LE(std::stol(end.result), 8 << 20);
  EXPECT_GT(std::stol(end.result), 4 << 20);
  end = run(spec({"fill", "/dev/shm"}, "shm"));
  ASSERT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_LE(std::stol(end.result), 16 << 20);
}

TEST_F(BubblewrapTest, AMemoryHogIsEndedOrRefusedAtItsLimit) {
  const TaskEnd end = run(spec({"grow"}));
  if (end.kind == EndKind::OverLimit) {
    EXPECT_NE(end.reason.find("memory"), std::string::npos) << end.reason;
  } else {
    ASSERT_EQ(end.exit_code, 0) << end.reason;
    ASSERT_TRUE(end.result.starts_with("refused at ")) << end.result;
    EXPECT_LE(std::stol(end.result.substr(11)), 128);
  }
}

TEST_F(BubblewrapTest, AForkBombIsBoundedAndLeavesNothingBehind) {
  const TaskEnd end = run(spec({"multiply"}));
  ASSERT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_LE(std::stol(end.result), 16);
}

TEST_F(BubblewrapTest, WithoutControlGroupsAForkBombAndAMemoryHogAreBoundedToo) {
  settings_.control_groups = "/nowhere";
  make_sandbox();
  TaskEnd end = run(spec({"multiply"}, "multiply"));
  ASSERT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_LE(std::stol(end.result), 16 + 8) << sandbox_->abilities().reason;
  end = run(spec({"grow"}, "grow"));
  ASSERT_EQ(end.exit_code, 0) << end.reason;
  EXPECT_TRUE(end.result.starts_with("refused at ")) << end.result;
}

TEST_F(BubblewrapTest, AFrozenTaskGetsNoProcessorTime) {
  for (const char* groups : {"/sys/fs/cgroup", "/nowhere"}) {
    settings_.control_groups = groups;
    make_sandbox();
    ASSERT_TRUE(sandbox_->start(spec({"spin"})));
    sandbox_->freeze(AssignmentId{"a"});
    {
      std::unique_lock lock(mutex_);
      EXPECT_FALSE(arrived_.wait_for(lock, 700ms, [this] { return !ends_.empty(); }));
    }
    sandbox_->kill(AssignmentId{"a"});
    EXPECT_LT(wait_for_end().processor, Duration{350}) << groups;
  }
}

TEST_F(BubblewrapTest, WhatLingersEndsWithItsTask) {
  const TaskEnd end = run(spec({"linger"}));
  EXPECT_EQ(end.exit_code, 0) << end.reason;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink(entry.path() / "exe", error);
    EXPECT_TRUE(error || program.string().find(folder_.string()) == std::string::npos) << entry.path();
  }
}

TEST_F(BubblewrapTest, EndsWhatAKilledAgentLeftRunning) {
  const pid_t gone = fork();  // the agent that was killed: its number is nobody's any more
  if (gone == 0) _exit(0);
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  const std::string group = "/sys/fs/cgroup/pids/leaseback-" + std::to_string(gone) + "-1";
  if (mkdir(group.c_str(), 0755) != 0) GTEST_SKIP() << "no control groups of version 1 can be made here";
  const pid_t left = fork();
  if (left == 0) {
    pause();
    _exit(0);
  }
  std::ofstream(group + "/cgroup.procs") << left << std::flush;
  make_sandbox();
  int status = 0;
  ASSERT_EQ(waitpid(left, &status, 0), left);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  make_sandbox();
  EXPECT_FALSE(std::filesystem::exists(group));
}

TEST_F(BubblewrapTest, AResultThatIsTooLargeIsRefused) {
  const TaskEnd end = run(spec({"much"}));
  EXPECT_EQ(end.kind, EndKind::OverLimit);
  EXPECT_TRUE(end.result.empty());
}

TEST_F(BubblewrapTest, ProcessorTimeIsBoundedAndMeasured) {
  TaskSpec task = spec({"spin"});
  task.limits.processor = Duration{1'000};
  const TaskEnd end = run(task);
  EXPECT_EQ(end.kind, EndKind::OverLimit) << end.reason;
  EXPECT_GE(end.processor, Duration{900});
  EXPECT_LE(end.processor, Duration{2'600});
}

TEST_F(BubblewrapTest, WallTimeIsBounded) {
  TaskSpec task = spec({"deaf"});
  task.limits.wall = Duration{200};
  const TaskEnd end = run(task);
  EXPECT_EQ(end.kind, EndKind::OverLimit);
  EXPECT_LT(end.processor, Duration{500});
}

TEST_F(BubblewrapTest, AKilledTaskSaysSoAndCanBeStartedAgain) {
  ASSERT_TRUE(sandbox_->start(spec({"deaf"})));
  EXPECT_EQ(sandbox_->start(spec({"deaf"})).error().code, ErrorCode::Conflict);
  sandbox_->kill(AssignmentId{"a"});
  EXPECT_EQ(wait_for_end().kind, EndKind::Killed);
  EXPECT_EQ(run(spec({"hello"})).kind, EndKind::Exited);
}

TEST_F(BubblewrapTest, AnAskedTaskSavesItselfAndGoesOnFromThere) {
  ASSERT_TRUE(sandbox_->start(spec({"count"})));
  sandbox_->ask_to_stop(AssignmentId{"a"});
  const TaskEnd end = wait_for_end();
  EXPECT_EQ(end.kind, EndKind::Unfinished) << end.reason;
  Result<std::string> checkpoint = sandbox_->checkpoint((folder_ / "task-a").string());
  // Under load it may be killed by the grace before it first looked; then there is nothing to go on from.
  if (!checkpoint) GTEST_SKIP() << "the task had no time to save itself";
  const TaskEnd again = run(spec({"count"}));
  EXPECT_EQ(again.kind, EndKind::Exited) << again.reason;
  EXPECT_EQ(again.result, "went on from " + checkpoint->substr(0, checkpoint->size() - 1));
}

TEST_F(BubblewrapTest, ADeafTaskIsKilledAfterItsGrace) {
  ASSERT_TRUE(sandbox_->start(spec({"deaf"})));
  sandbox_->ask_to_stop(AssignmentId{"a"});
  EXPECT_EQ(wait_for_end().kind, EndKind::Unfinished);
}

TEST_F(BubblewrapTest, AFrozenTaskCanBeKilledAndAThawedOneEnds) {
  ASSERT_TRUE(sandbox_->start(spec({"spin"}, "killed")));
  sandbox_->freeze(AssignmentId{"killed"});
  sandbox_->kill(AssignmentId{"killed"});
  EXPECT_EQ(wait_for_end().kind, EndKind::Killed);
  ASSERT_TRUE(sandbox_->start(spec({"count"}, "thawed")));
  sandbox_->freeze(AssignmentId{"thawed"});
  sandbox_->thaw(AssignmentId{"thawed"});
  sandbox_->ask_to_stop(AssignmentId{"thawed"});
  EXPECT_EQ(wait_for_end().kind, EndKind::Unfinished);
}

TEST_F(BubblewrapTest, AFailureKeepsItsLastWords) {
  const TaskEnd end = run(spec({"fail"}));
  EXPECT_EQ(end.kind, EndKind::Exited);
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.reason, "it went wrong");
}

TEST_F(BubblewrapTest, WhatIsNoProgramDoesNotStart) {
  TaskSpec task = spec({});
  task.elements[0].path = (folder_ / "text").string();
  {
    std::FILE* file = std::fopen(task.elements[0].path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs("no program\n", file);
    std::fclose(file);
  }
  EXPECT_EQ(run(task).kind, EndKind::NotStarted);
}

TEST(BubblewrapCommand, RefusesNamesThatWouldLeaveTheirPlace) {
  TaskSpec task{.assignment = AssignmentId{"a"},
                .folder = "/f",
                .elements = {{.name = "p", .path = "/p", .executable = true}},
                .entry = "p"};
  EXPECT_TRUE(check(task));
  for (const char* name : {"", ".", "..", "a/b", "/etc/passwd"}) {
    task.elements.resize(1);
    task.elements.push_back({.name = name, .path = "/x", .executable = false});
    EXPECT_FALSE(check(task)) << name;
  }
  task.elements.resize(1);
  task.elements[0].executable = false;
  EXPECT_FALSE(check(task)) << "an entry must be executable";
}

TEST(BubblewrapCommand, NoSandboxMeansNoAbility) {
  BubblewrapSandbox sandbox({.bwrap = "/nowhere/bwrap"}, [](const TaskEnd&) {});
  EXPECT_FALSE(sandbox.abilities().available);
  TaskSpec task{.assignment = AssignmentId{"a"},
                .folder = "/f",
                .elements = {{.name = "p", .path = "/p", .executable = true}},
                .entry = "p"};
  EXPECT_EQ(sandbox.start(task).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace agent::sandbox
