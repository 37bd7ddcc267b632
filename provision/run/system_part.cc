#include "provision/run/system_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "provision/image/boot_tree.h"
#include "provision/image/image_source.h"

namespace provision::run {
namespace {

disk::SystemSource source_of(const image::VerifiedSystem& system) {
  return {system.bundle.archive_sha256, system.is_image() ? system.contents().unpacked_size : Bytes{}};
}

// The journal is ours and chained: what it holds was written by `facts`.
disk::SystemSource source_in(const Entry& fact) {
  disk::SystemSource source{Digest(fact.facts.at("system_digest")), {}};
  const std::string& size = fact.facts.at("system_image_bytes");
  std::from_chars(size.data(), size.data() + size.size(), source.image_size.count);
  return source;
}

// Whether something of an image may be on the disk already: then most of it need not be written again.
bool writing_began(const Journal& journal) {
  return std::any_of(journal.entries().begin(), journal.entries().end(), [](const Entry& entry) {
    return entry.kind == EntryKind::Intent && entry.step.starts_with(disk::name_of(disk::StepKind::WriteImage));
  });
}

}  // namespace

Result<SystemPart> SystemPart::settle(const std::optional<image::SystemBundle>& asked, const std::optional<Journal>& journal, bool finished,
                                      RunPorts& ports, std::string folder) {
  SystemPart part(ports, std::move(folder));
  part.finished_ = finished;
  const Entry* began = journal ? journal->last(EntryKind::Fact, "disk") : nullptr;
  const bool begun_without = began != nullptr && !began->facts.contains("system_digest");
  if (begun_without) began = nullptr;
  if (began != nullptr) {
    part.source_ = source_in(*began);
    part.title_ = began->facts.at("system_title");
    part.network_ = began->facts.at("system_network");
  }
  if (!asked) {
    if (began == nullptr || finished) return part;
    return Error{ErrorCode::InvalidInput, fmt::format("this run began with the operating system {}: name its bundle again (--image)", part.title_), {}};
  }
  if (begun_without)
    return Error{ErrorCode::Conflict, "this run began without an operating system: leave out --image, or use a new order", {}};
  auto verified = image::verified_system(ports.files, *asked);
  if (!verified) return verified.error();
  const disk::SystemSource source = source_of(*verified);
  if (part.source_ && *part.source_ != source)
    return Error{ErrorCode::Conflict, fmt::format("this run began with the operating system {}, and {} is another; name the first one, or use a new order",
                                                  part.title_, asked->path), {}};
  part.source_ = source;
  part.title_ = verified->title();
  part.network_ = verified->contents().network;
  part.verified_ = std::move(*verified);
  if (!part.is_image()) return part;
  part.begun_ = journal && writing_began(*journal);
  return part;
}

std::map<std::string, std::string> SystemPart::facts() const {
  if (!source_) return {};
  return {{"system_digest", source_->digest.text}, {"system_title", title_}, {"system_network", network_}, {"system_image_bytes", std::to_string(source_->image_size.count)}};
}

Done SystemPart::look(const disk::DiskPlan& plan, const network::Presets& presets, disk::FileTree* tree) {
  if (!source_) return {};
  Bytes files_size;
  if (is_archive() && verified_ && !finished_) {
    const auto surveyed = image::survey(ports_->files, *verified_);
    if (!surveyed) return surveyed.error();
    programs_ = surveyed->programs;
    files_size = surveyed->files_size;
  } else if (tree != nullptr) {
    const auto found = image::programs_of(*tree, network_);
    if (!found) return found.error().within("looking into " + title_);
    programs_ = *found;
  }
  if (verified_ && !finished_)
    if (Done fits = image::check_fits(*verified_, files_size, plan.partition(disk::Role::Esp)->extent, plan.partition(disk::Role::System)->extent);
        !fits)
      return fits;
  return programs_ ? network::can_keep(presets, *programs_) : Done();
}

install::WantedNodes SystemPart::nodes(install::SystemSettings settings, const disk::DiskPlan& plan) const {
  if (!source_) return install::system_nodes(settings, plan);
  if (programs_) settings.programs = *programs_;
  return install::settings_nodes(settings, plan);
}

std::vector<install::BootFile> SystemPart::boot_files(const std::string& machine_id, const disk::DiskPlan& plan) const {
  std::vector<install::BootFile> files = install::boot_files(machine_id);
  if (!verified_) return files;
  const image::LoaderEntry entry = image::loader_entry(verified_->bundle.manifest, machine_id, plan.partition(disk::Role::System)->uuid);
  if (!entry.text.empty()) files.push_back({entry.path, entry.text, {}});
  for (const image::PreparedFile& prepared : image::boot_tree(*verified_, folder_)) {
    const bool ours = std::any_of(files.begin(), files.end(), [&](const install::BootFile& file) { return file.path == prepared.path; });
    if (!ours) files.push_back({prepared.path, {}, install::BootContent{prepared.source, prepared.size, prepared.sha256}});
  }
  return files;
}

Done SystemPart::prepare_boot() { return verified_ ? image::prepare(ports_->files, *verified_, folder_) : Done(); }
Done SystemPart::forget_boot() { return verified_ ? image::remove_prepared(ports_->files, *verified_, folder_) : Done(); }

Result<disk::ImageSource*> SystemPart::image() {
  if (!is_image() || !verified_) return static_cast<disk::ImageSource*>(nullptr);
  if (!image_) {
    image::ImageOptions options;
    options.approach = begun_ ? image::Approach::CompareFirst : image::Approach::WriteAll;
    options.threads = std::max(std::thread::hardware_concurrency(), 1U);
    options.progress = [ports = ports_](Bytes done, Bytes all) { ports->progress.moved(done, all); };
    auto made = image::image_source(ports_->files, *verified_, std::move(options));
    if (!made) return made.error();
    image_ = std::move(*made);
  }
  return image_.get();
}

Done SystemPart::fill(disk::FileTree& tree) {
  if (!is_archive()) return {};
  return image::fill(tree, ports_->files, *verified_, [this](Bytes done, Bytes all) { ports_->progress.moved(done, all); });
}

Result<std::vector<std::string>> SystemPart::differences(disk::FileTree& tree, const std::set<std::string>& replaced) {
  if (!is_archive() || !verified_) return std::vector<std::string>{};
  return image::differences(tree, ports_->files, *verified_, replaced);
}

}  // namespace provision::run
