// Goal: the shipped programs work together: leaseback-fleetd makes a controller of an empty folder, leaseback-fleet runs it, and
// nothing that was answered is lost by a kill -9.
// Method: both real programs, a folder below TMPDIR, a port that the system chose.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "images/keys/keys.h"

extern char** environ;

namespace {

namespace json = boost::json;
using images::keys::KeyKind;
using images::keys::PrivateKey;

const std::string programs = LEASEBACK_BINARY_DIR "/bin/";

struct Child {
  pid_t pid = -1;
  int out = -1;
};

// Starts a program; `stream` (1 or 2) of it is read from Child::out.
Child start(const std::vector<std::string>& words, int stream) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], stream);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  Child child;
  EXPECT_EQ(posix_spawn(&child.pid, argv[0], &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  child.out = ends[0];
  return child;
}

int wait_for(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Ran {
  int code = 0;
  std::string out;
};

Ran run(const std::vector<std::string>& words) {
  const Child child = start(words, 1);
  Ran ran;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(child.out, buffer.data(), buffer.size())) > 0;) ran.out.append(buffer.data(), static_cast<std::size_t>(got));
  close(child.out);
  ran.code = wait_for(child.pid);
  return ran;
}

class Daemon : public ::testing::Test {
 protected:
  Daemon() {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base == nullptr ? "/tmp" : base) + "/fleetd-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Daemon() override {
    if (child_.pid > 0) {
      kill(child_.pid, SIGKILL);
      wait_for(child_.pid);
      close(child_.out);
    }
    std::filesystem::remove_all(folder_);
  }
  // Starts the controller and waits until it says that it serves.
  void serve() {
    child_ = start({programs + "leaseback-fleetd", "run", "--folder", folder_ + "/c", "--listen", "127.0.0.1:0", "--port-file", folder_ + "/port", "--poll-interval", "200ms"}, 2);
    std::string said;
    char byte = 0;
    while (said.find("serving at") == std::string::npos && read(child_.out, &byte, 1) == 1) said += byte;
    ASSERT_NE(said.find("serving at"), std::string::npos) << said;
  }
  int stop(int signal) {
    kill(child_.pid, signal);
    const int code = wait_for(child_.pid);
    close(child_.out);
    child_ = {};
    return code;
  }
  Ran fleet(std::vector<std::string> words) {
    words.insert(words.begin(), programs + "leaseback-fleet");
    words.insert(words.end(), {"--home", folder_ + "/c/staff", "--json"});
    return run(words);
  }
  std::string key_file(const std::string& name, KeyKind kind) {
    std::ofstream(folder_ + "/" + name) << PrivateKey::generate(kind)->public_key().pem();
    return folder_ + "/" + name;
  }
  std::string folder_;
  Child child_;
};

TEST_F(Daemon, MakesAControllerOfAnEmptyFolderThatStaffCanUse) {
  serve();
  const Ran health = fleet({"health"});
  ASSERT_EQ(health.code, 0);
  EXPECT_EQ(json::parse(health.out).as_object().at("status").as_string(), "ok");
  EXPECT_EQ(fleet({"line", "register", "line-1", "--key", key_file("line.pub", KeyKind::SigningKey)}).code, 0);
  EXPECT_EQ(fleet({"party", "add", "acme", "--key", key_file("acme.pub", KeyKind::MachineKey), "--out", folder_ + "/acme"}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/acme/certificate.pem"));
  const Ran verified = fleet({"ledger", "verify"});
  EXPECT_EQ(verified.code, 0);
  EXPECT_TRUE(json::parse(verified.out).as_object().at("balanced").as_bool());
  EXPECT_EQ(fleet({"machine", "show", "nothing"}).code, 1);
  for (const char* secret : {"/c/authority.key", "/c/signing.key", "/c/server.key", "/c/staff/staff.key"}) {
    struct stat facts {};
    ASSERT_EQ(stat((folder_ + secret).c_str(), &facts), 0) << secret;
    EXPECT_EQ(facts.st_mode & 077U, 0U) << secret;
  }
  EXPECT_EQ(stop(SIGTERM), 0);
}

TEST_F(Daemon, KeepsWhatItAnsweredThroughAKill) {
  serve();
  ASSERT_EQ(fleet({"line", "register", "line-1", "--key", key_file("line.pub", KeyKind::SigningKey)}).code, 0);
  stop(SIGKILL);
  EXPECT_EQ(fleet({"health"}).code, 1) << "nobody serves now";
  serve();
  const Ran events = fleet({"event", "list"});
  ASSERT_EQ(events.code, 0);
  EXPECT_NE(events.out.find("line-registered"), std::string::npos);
  EXPECT_EQ(stop(SIGTERM), 0);
}

TEST_F(Daemon, TellsItsSettingsAndRefusesBadOnes) {
  const std::string fleetd = programs + "leaseback-fleetd";
  const Ran settings = run({fleetd, "run", "--print-settings"});
  EXPECT_EQ(settings.code, 0);
  EXPECT_NE(settings.out.find("silence_limit = 7d"), std::string::npos) << settings.out;
  EXPECT_EQ(run({fleetd, "run", "--folder", folder_, "--poll-interval", "1ms"}).code, 2);
  EXPECT_EQ(run({fleetd, "run", "--folder", folder_, "--surprise"}).code, 2);
  EXPECT_EQ(run({fleetd, "run", "--folder", folder_, "--rules", folder_ + "/none"}).code, 1);
}

}  // namespace
