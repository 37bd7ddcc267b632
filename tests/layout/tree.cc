#include "tests/layout/tree.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace layout {
namespace {

namespace fs = std::filesystem;
const fs::path top = LEASEBACK_SOURCE_DIR;

std::string include_between(const std::string& line, char open, char close) {
  if (!line.starts_with("#include ")) return {};
  const std::size_t from = line.find(open);
  const std::size_t to = line.rfind(close);
  return from == std::string::npos || to <= from ? std::string() : line.substr(from + 1, to - from - 1);
}

std::vector<SourceFile> read_sources() {
  std::vector<SourceFile> files;
  for (const char* room : {"policies", "images", "agent", "fleet", "provision", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(top / room)) {
      const std::string ending = entry.path().extension();
      if (ending != ".h" && ending != ".hpp" && ending != ".cc" && ending != ".c") continue;
      SourceFile file{fs::relative(entry.path(), top).generic_string(), {}};
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  return files;
}

}  // namespace

std::string SourceFile::room() const { return path.substr(0, path.find('/')); }
std::string SourceFile::folder() const { return path.substr(0, path.rfind('/')); }

const std::vector<SourceFile>& sources() {
  static const std::vector<SourceFile> files = read_sources();
  return files;
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(top / folder))
    if (entry.is_directory()) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_there(const std::string& path) { return fs::exists(top / path); }

std::string text_of(const std::string& path) {
  std::ifstream stream(top / path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string project_include(const std::string& line) { return include_between(line, '"', '"'); }
std::string system_include(const std::string& line) { return include_between(line, '<', '>'); }

}  // namespace layout
