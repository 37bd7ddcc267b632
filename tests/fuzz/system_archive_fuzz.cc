// links: images_bundle
#include <set>
#include <string>

#include "images/bundle/system_archive.h"

namespace {

using namespace images::bundle;

// What must hold for whoever puts the nodes: plain absolute paths, each once, below folders that came before.
class Watching final : public SystemSink {
 public:
  Done begin(const SystemNode& node) override {
    invariant(node.path.starts_with('/') && node.path.find("/../") == std::string::npos && !node.path.ends_with("/.."), "no path climbs");
    if (node.path != "/") {
      const std::string parent = node.path.substr(0, node.path.rfind('/'));
      invariant(parent.empty() || folders_.contains(parent), "a node lies in a folder that came before it");
      invariant(all_.insert(node.path).second, "a path comes once");
    }
    if (node.kind == NodeKind::Directory) folders_.insert(node.path);
    size_ = 0;
    return {};
  }
  Done write(std::string_view piece) override {
    size_ += piece.size();
    return {};
  }
  Done end(const SystemNode& node) override {
    invariant(node.kind != NodeKind::File || size_ == node.size.count, "a file is as long as it says");
    return {};
  }

 private:
  std::set<std::string> folders_;
  std::set<std::string> all_;
  std::uint64_t size_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Watching sink;
  bool given = false;
  static_cast<void>(read_system_archive(
      [&]() -> Result<std::string> {
        const bool first = !std::exchange(given, true);
        return first ? std::string(reinterpret_cast<const char*>(data), size) : std::string();
      },
      {mebibytes(8), 1000}, sink));
  return 0;
}
