// Goal: the tree keeps its shape without anybody watching. Method: read every source line and hold it against the rules of
// the house: who may include whom, which library lives in which folder, and who alone may touch clock, chance and files.
#include <regex>
#include <set>

#include "tests/layout/tree.h"

namespace layout {
namespace {

// Rank of what a path belongs to; right may use left. The agent's contract and link are open to fleet and provision.
int rank_of(const std::string& path) {
  if (path.starts_with("policies/")) return 0;
  if (path.starts_with("images/")) return 1;
  if (path.starts_with("agent/contract/")) return 2;
  if (path.starts_with("agent/link/")) return 3;
  if (path.starts_with("tests/")) return 5;
  return 4;
}

bool may_include(const SourceFile& from, const std::string& to) {
  if (from.room() == "tests") return true;
  const int own = rank_of(from.path);
  const int other = rank_of(to);
  if (other < own) return true;
  if (other > own || own == 2 || own == 3) return to.starts_with(from.folder() + "/");
  return to.substr(0, to.find('/')) == from.room();
}

TEST(Layout, RoomsIncludeOnlyWhatStandsBelowThem) {
  for (const SourceFile& file : sources())
    for (const std::string& line : file.lines) {
      const std::string included = project_include(line);
      if (included.find('/') == std::string::npos) continue;
      EXPECT_TRUE(may_include(file, included)) << file.path << " may not include " << included;
    }
}

TEST(Layout, IncludesAreWrittenFromTheTop) {
  for (const SourceFile& file : sources())
    for (const std::string& line : file.lines) {
      const std::string included = project_include(line);
      if (included.empty() || included.ends_with(".pb.h")) continue;
      EXPECT_TRUE(is_there(included)) << file.path << " includes \"" << included << "\", which is not a path from the top";
    }
}

struct Home {
  std::string header;  // start of the system header's path
  std::vector<std::string> places;  // starts of the paths that may include it
};

TEST(Layout, EachLibraryLivesInItsRoom) {
  const std::vector<Home> homes = {
      {"yaml-cpp/", {"policies/loading/"}},
      {"date/", {"policies/terms/"}},
      {"archive", {"images/bundle/"}},
      {"openssl/ssl", {"agent/link/https_client.cc", "agent/link/tls", "fleet/api/https_server.cc"}},
      {"openssl/", {"images/keys/", "agent/link/", "fleet/api/https_server.cc"}},
      {"boost/asio", {"agent/link/https_client.cc", "fleet/api/https_server.cc"}},
      {"boost/beast", {"agent/link/https_client.cc", "fleet/api/https_server.cc"}},
      {"parted/", {"provision/disk/"}},
      {"libfdisk", {"provision/disk/"}},
      {"libcryptsetup", {"provision/disk/"}},
      {"tss2/", {"provision/lease/"}},
      {"ext2fs/", {"provision/disk/"}},
      {"qrencode", {"provision/label/"}},
      {"sqlite3", {"fleet/store/"}},
      {"isa-l", {"fleet/objects/"}},
      {"erasure_code", {"fleet/objects/"}},
      {"seccomp", {"agent/sandbox/"}},
      {"png", {"agent/runtime/examples/"}},
  };
  for (const SourceFile& file : sources()) {
    if (file.room() == "tests") continue;
    for (const std::string& line : file.lines)
      for (const Home& home : homes) {
        if (!system_include(line).starts_with(home.header)) continue;
        const bool at_home = std::any_of(home.places.begin(), home.places.end(),
                                         [&](const std::string& place) { return file.path.starts_with(place); });
        EXPECT_TRUE(at_home) << file.path << ": <" << system_include(line) << "> lives elsewhere";
        break;
      }
  }
}

TEST(Layout, HeadersKeepHeavyLibrariesToThemselves) {
  for (const SourceFile& file : sources()) {
    if (file.room() == "tests" || !file.path.ends_with(".h")) continue;
    for (const std::string& line : file.lines) {
      const std::string header = system_include(line);
      for (const char* heavy : {"boost/asio", "boost/beast", "google/protobuf", "yaml-cpp", "openssl/", "parted/", "sqlite3"})
        EXPECT_FALSE(header.starts_with(heavy)) << file.path << " drags <" << header << "> into everyone";
      EXPECT_FALSE(project_include(line).ends_with(".pb.h")) << file.path << " drags protobuf into everyone";
    }
  }
}

// The adapters: the only sources that may ask the machine for time, chance, the environment or files behind the ports' backs.
const std::set<std::string> adapters = {
    "policies/vocabulary/instant.cc",      // SystemClock
    "policies/loading/rule_folder.cc",     // rule and order files
    "images/files/posix_files.cc",         // Files
    "images/files/stepped_clock.cc",       // a clock read from a file
    "agent/link/https_client.cc",          // deadlines by real time
    "agent/sandbox/watch.cc",              // ends tasks by real time
    "agent/sandbox/task_folder.cc",        // files that a task has bound
    "agent/daemon/mailbox.cc",             // the loop's waiting
    "agent/daemon/become_user.cc",         // gives folders to the user it becomes
    "agent/daemon/task_run.cc",            // the caller's own files
    "fleet/api/https_server.cc",           // deadlines and timers by real time
};

TEST(Layout, OnlyAdaptersTouchClockChanceAndFiles) {
  const std::regex forbidden(
      R"((system_clock|steady_clock|high_resolution_clock)::now\(|\bsleep_for\(|\busleep\(|\brandom_device\b|\bgetenv\(|\bstd::(i|o)?fstream\b|<fstream>|<filesystem>|\bstd::filesystem\b|\bfilesystem::|\bstd::rand\b|[^_.>]\btime\(nullptr\))");
  for (const SourceFile& file : sources()) {
    if (file.room() == "tests" || adapters.contains(file.path) || file.path.find("/examples/") != std::string::npos ||
        file.path.ends_with("/main.cc"))
      continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      EXPECT_FALSE(std::regex_search(file.lines[i], forbidden)) << file.path << ":" << i + 1 << ": " << file.lines[i];
  }
}

TEST(Layout, NamesSayWhatIsInside) {
  const std::regex vague(R"((^|/)(common|utils?|helpers?|misc|shared|core|lib|data|info|impl)(/|\.|_)|(manager|helper|util|misc|handler_impl)[^/]*$)");
  for (const SourceFile& file : sources()) EXPECT_FALSE(std::regex_search(file.path, vague)) << file.path;
}

TEST(Layout, NoFileOutgrowsOneSubject) {
  for (const SourceFile& file : sources()) EXPECT_LE(file.lines.size(), 520U) << file.path;
}

TEST(Layout, NamespaceIsTheFolder) {
  for (const SourceFile& file : sources()) {
    if (file.room() == "tests" || !file.path.ends_with(".h") || file.path.find("/examples/") != std::string::npos) continue;
    const std::string wanted = "namespace " + std::regex_replace(file.folder(), std::regex("/"), "::") + " {";
    const bool in_c = std::any_of(file.lines.begin(), file.lines.end(), [](const std::string& line) { return line.find("extern \"C\"") != std::string::npos; });
    const bool found = std::any_of(file.lines.begin(), file.lines.end(), [&](const std::string& line) { return line.starts_with(wanted); });
    EXPECT_TRUE(found || in_c) << file.path << " does not open " << wanted;
  }
}

TEST(Layout, EachFolderOfARoomHasItsTests) {
  for (const char* room : {"policies", "images", "agent", "fleet", "provision"})
    for (const std::string& folder : folders_in(room)) {
      const std::string path = std::string(room) + "/" + folder;
      if (!is_there(path + "/CMakeLists.txt")) continue;
      const bool only_program = folder == "cli" || folder == "controller";
      EXPECT_TRUE(only_program || is_there("tests/" + path)) << path << " has no tests/" << path;
    }
}

TEST(Layout, ReadmeTablesNameTheTree) {
  for (const char* room : {"policies", "images", "agent", "fleet", "provision"}) {
    const std::string readme = std::string(room) + "/README.md";
    ASSERT_TRUE(is_there(readme)) << readme;
    std::set<std::string> named;
    const std::string text = text_of(readme);
    const std::regex row(R"(\n\| `([a-z_]+)/` \|)");
    for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match) named.insert((*match)[1]);
    for (const std::string& folder : folders_in(room))
      EXPECT_TRUE(named.contains(folder)) << readme << " has no row | `" << folder << "/` | ...";
    for (const std::string& folder : named) EXPECT_TRUE(is_there(std::string(room) + "/" + folder)) << readme << " names " << folder << "/, which is not there";
  }
}

TEST(Layout, TheTopIsFixed) {
  const std::set<std::string> rooms = {"agent", "fleet", "images", "policies", "provision", "tests", "build", "demo", ".git", ".ci"};
  for (const std::string& folder : folders_in("")) EXPECT_TRUE(rooms.contains(folder)) << folder << "/ does not belong at the top";
}

}  // namespace
}  // namespace layout
