// The source tree as the layout tests see it: files, their lines, and what they include.
#pragma once

#include <string>
#include <vector>

namespace layout {

struct SourceFile {
  std::string path;  // from the top of the project, with '/'
  std::vector<std::string> lines;
  [[nodiscard]] std::string room() const;    // "agent"
  [[nodiscard]] std::string folder() const;  // "agent/vault"
};

// Every .h, .hpp, .cc and .c below the five rooms and tests/.
const std::vector<SourceFile>& sources();
// Folders (from the top of the project) directly below `folder` that hold anything but examples.
std::vector<std::string> folders_in(const std::string& folder);
bool is_there(const std::string& path);
std::string text_of(const std::string& path);
// The path between the quotes of an #include "..." line, or nothing.
std::string project_include(const std::string& line);
// The path between the brackets of an #include <...> line, or nothing.
std::string system_include(const std::string& line);

}  // namespace layout
