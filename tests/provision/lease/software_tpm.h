// A software TPM (swtpm) of a test's own, over TCP on ports that were free, and the programs that judge: tpm2-tools, cryptsetup.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

extern char** environ;

namespace provision::lease {

class TestFolder {
 public:
  TestFolder() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/leaseback-lease-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    if (!path_.empty()) (void)std::system(("rm -rf '" + path_ + "'").c_str());
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline bool installed(const std::string& program) { return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0; }

// A socket bound to a free port of the loopback, and the port.
struct Bound {
  int descriptor = -1;
  int port = 0;
  explicit Bound(int wanted = 0) {
    descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(wanted));
    socklen_t length = sizeof address;
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0)
      port = ntohs(address.sin_port);
  }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  ~Bound() { ::close(descriptor); }
};

class SoftwareTpm {
 public:
  explicit SoftwareTpm(const std::string& folder) : folder_(folder) {
    for (int attempt = 0; attempt < 20 && process_ < 0; ++attempt) start();
  }
  SoftwareTpm(const SoftwareTpm&) = delete;
  SoftwareTpm& operator=(const SoftwareTpm&) = delete;
  ~SoftwareTpm() { stop(); }

  [[nodiscard]] bool runs() const { return process_ > 0; }
  // As a TCTI configuration.
  [[nodiscard]] std::string place() const { return "swtpm:host=127.0.0.1,port=" + std::to_string(port_); }
  // A word of tpm2-tools to this TPM; true when it ended well.
  [[nodiscard]] bool tool(const std::string& words) const {
    return std::system(("TPM2TOOLS_TCTI=" + place() + " " + words + " > /dev/null 2>&1").c_str()) == 0;
  }
  // What a firmware update does: something else is measured before the boot loader.
  [[nodiscard]] bool measure(char digit) const { return tool("tpm2_pcrextend 7:sha256=" + std::string(64, digit)); }
  // The owner clears it in the firmware's setup.
  [[nodiscard]] bool clear() const { return tool("tpm2_clear -c p"); }

 private:
  void start() {
    int port = 0;
    {
      const Bound first;
      if (first.port == 0) return;
      const Bound second(first.port + 1);  // where the library expects the control channel
      if (second.port == 0) return;
      port = first.port;
    }
    const std::vector<std::string> words = {"swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + folder_, "--server", "type=tcp,port=" + std::to_string(port),
                                            "--ctrl", "type=tcp,port=" + std::to_string(port + 1), "--flags", "not-need-init,startup-clear"};
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t process = -1;
    if (::posix_spawnp(&process, "swtpm", &actions, nullptr, arguments.data(), environ) != 0) process = -1;
    posix_spawn_file_actions_destroy(&actions);
    if (process < 0) return;
    port_ = port;
    process_ = process;
    // Listening, or gone because somebody took the port.
    for (int look = 0; look < 200; ++look) {
      if (::waitpid(process, nullptr, WNOHANG) == process) break;
      if (answers(port) && answers(port + 1)) return;
      ::poll(nullptr, 0, 50);
    }
    stop();
  }
  static bool answers(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool there = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(descriptor);
    return there;
  }
  void stop() {
    if (process_ > 0) {
      ::kill(process_, SIGTERM);
      ::waitpid(process_, nullptr, 0);
    }
    process_ = -1;
  }

  std::string folder_;
  int port_ = 0;
  pid_t process_ = -1;
};

}  // namespace provision::lease
