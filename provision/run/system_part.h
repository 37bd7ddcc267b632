// The operating system of a run: which one its disk gets, and what of the run depends on it. A disk without one gets settings
// and agent alone, in the least tree that holds them.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "provision/disk/apply.h"
#include "provision/image/archive_filling.h"
#include "provision/image/system_bundle.h"
#include "provision/install/boot_files.h"
#include "provision/install/system_tree.h"
#include "provision/run/journal.h"
#include "provision/run/ports.h"

namespace provision::run {

class SystemPart {
 public:
  // What the journal of a begun run says counts. InvalidInput when that run began with an operating system which is not named
  // now and not yet finished; Conflict when another one is named. A bundle that is named is verified in full.
  static Result<SystemPart> settle(const std::optional<image::SystemBundle>& asked, const std::optional<Journal>& journal, bool finished,
                                   RunPorts& ports, std::string folder);

  // For the disk's plan; nullopt without an operating system.
  [[nodiscard]] const std::optional<disk::SystemSource>& source() const { return source_; }
  // What a later run must know of it, for the journal's fact about the disk: one entry, so that no cut parts them. Empty without one.
  [[nodiscard]] std::map<std::string, std::string> facts() const;

  // Before anything is written: whether it fits, and whether its programs can keep the presets, as far as that can be told.
  // Looks through an archive that is yet to be filled in. `tree`: of this very system, when it is on the disk already; else
  // nullptr.
  Done look(const disk::DiskPlan& plan, const network::Presets& presets, disk::FileTree* tree);

  // The nodes of settings, or of the least tree with settings. `settings.programs` is filled in here.
  [[nodiscard]] install::WantedNodes nodes(install::SystemSettings settings, const disk::DiskPlan& plan) const;
  // What belongs onto the boot partition; files of the bundle are prepared in the run's folder by prepare().
  [[nodiscard]] std::vector<install::BootFile> boot_files(const std::string& machine_id, const disk::DiskPlan& plan) const;
  Done prepare_boot();
  Done forget_boot();

  // For people: "debian-12 12.8".
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] bool is_archive() const { return source_ && source_->image_size.count == 0; }
  [[nodiscard]] bool is_image() const { return source_ && source_->image_size.count > 0; }

  // Of an archive; done when there is none. fill() does not commit.
  Done fill(disk::FileTree& tree);
  Result<std::vector<std::string>> differences(disk::FileTree& tree, const std::set<std::string>& replaced);

  // Of an image whose bundle is named; nullptr when there is none. Valid while this part stays where it is.
  Result<disk::ImageSource*> image();

 private:
  SystemPart(RunPorts& ports, std::string folder) : ports_(&ports), folder_(std::move(folder)) {}
  RunPorts* ports_;
  std::string folder_;
  bool finished_ = false;
  std::string title_;
  std::string network_;  // as SystemContents::network
  std::optional<disk::SystemSource> source_;
  std::optional<image::VerifiedSystem> verified_;  // none: a finished run whose bundle was not named
  std::optional<network::SystemPrograms> programs_;
  bool begun_ = false;  // an earlier run has begun to write the image
  std::unique_ptr<disk::ImageSource> image_;
};

}  // namespace provision::run
