// The task interface for C++: the same calls as leaseback_task.h with strings. Errors are std::system_error.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "agent/runtime/leaseback_task.h"

namespace leaseback::task {

namespace detail {
inline void require(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}
}  // namespace detail

inline std::string parameters() {
  std::size_t size = 0;
  const char* text = leaseback_parameters(&size);
  detail::require(text != nullptr, "reading the task's parameters");
  return {text, size};
}

inline std::string element_path(const std::string& name) {
  const char* path = leaseback_element_path(name.c_str());
  detail::require(path != nullptr, "looking for a data element");
  return path;
}

inline void write_result(std::string_view bytes) {
  detail::require(leaseback_write_result(bytes.data(), bytes.size()) == 0, "writing the result");
}

inline void append_result(std::string_view bytes) {
  detail::require(leaseback_append_result(bytes.data(), bytes.size()) == 0, "writing the result");
}

inline void write_checkpoint(std::string_view bytes) {
  detail::require(leaseback_write_checkpoint(bytes.data(), bytes.size()) == 0, "writing a checkpoint");
}

// Nothing when there is no checkpoint yet.
inline std::optional<std::string> read_checkpoint() {
  std::size_t size = 0;
  void* bytes = leaseback_read_checkpoint(&size);
  if (bytes == nullptr && errno == ENOENT) return std::nullopt;
  detail::require(bytes != nullptr, "reading the checkpoint");
  std::string checkpoint(static_cast<const char*>(bytes), size);
  std::free(bytes);
  return checkpoint;
}

inline bool checkpoint_asked() { return leaseback_checkpoint_asked() == 1; }
inline bool stop_asked() { return leaseback_stop_asked() == 1; }

}  // namespace leaseback::task
