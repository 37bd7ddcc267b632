#include "policies/loading/rule_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

constexpr std::size_t rule_files_max = 200;

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (!std::filesystem::exists(status)) return Error{ErrorCode::NotFound, "there is no file '" + path + "'", {}};
  if (std::filesystem::is_directory(status)) return Error{ErrorCode::InvalidInput, "'" + path + "' is a folder, not a file", {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::IoFailure, "'" + path + "' cannot be opened", {}};
  // One byte more than allowed tells a file at the limit from one beyond it, also for pipes.
  std::string text(yaml_size_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Error{ErrorCode::IoFailure, "'" + path + "' cannot be read", {}};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > yaml_size_max)
    return Error{ErrorCode::LimitExceeded, "'" + path + "' is larger than " + std::to_string(yaml_size_max) + " bytes", {}};
  return text;
}

Result<std::vector<RuleFile>> read_rule_folder(const std::string& folder) {
  std::error_code failure;
  std::vector<std::string> paths;
  for (auto entry = std::filesystem::directory_iterator(folder, failure); !failure && entry != std::filesystem::directory_iterator();
       entry.increment(failure)) {
    if (entry->path().extension() == ".yaml") paths.push_back(entry->path().string());
    if (paths.size() > rule_files_max)
      return Error{ErrorCode::LimitExceeded, "'" + folder + "' holds more than " + std::to_string(rule_files_max) + " rule files", {}};
  }
  if (failure) return Error{ErrorCode::NotFound, "the rules folder '" + folder + "' cannot be read: " + failure.message(), {}};
  if (paths.empty()) return Error{ErrorCode::NotFound, "the rules folder '" + folder + "' has no *.yaml file", {}};
  std::sort(paths.begin(), paths.end());
  std::vector<RuleFile> files;
  for (const std::string& path : paths) {
    Result<std::string> text = read_text_file(path);
    if (!text) return std::move(text).error().within("reading rules");
    files.push_back({path, *std::move(text)});
  }
  return files;
}

std::string default_rules_folder() {
  std::error_code failure;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (!failure) {
    const std::filesystem::path installed = program.parent_path().parent_path() / "share" / "leaseback" / "rules";
    if (std::filesystem::is_directory(installed, failure)) return installed.string();
  }
  return LEASEBACK_RULES_IN_SOURCE;
}

}  // namespace policies::loading
