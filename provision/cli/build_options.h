// Options that the commands on orders and disks share, and what is made of them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policies/command_line/command.h"
#include "provision/cli/commands.h"
#include "provision/run/station.h"

namespace provision::cli {

// An order, its rules and its disk.
struct OrderOptions {
  std::string order;
  std::string disk;
  std::string rules;
  std::string controller;
};
void declare_order(OrderOptions& options, command_line::OptionList& list);
Result<order::Work> read_work(const OrderOptions& options, const std::string& controller, const Ports& ports);

// "--sector-size"; 0 when it was not given.
void declare_sector_size(std::string& size, command_line::OptionList& list);
std::uint32_t sector_size_of(const std::string& size);

// What goes onto the disk beside the order's own settings.
struct IngredientOptions {
  std::string bundle;
  std::string bundle_key;
  std::string authority;
  std::string controller_key;
};
void declare_ingredients(IngredientOptions& options, command_line::OptionList& list);
Done check_ingredients(const IngredientOptions& options);
// The same options as words of a command line, for another process of this program.
std::vector<std::string> words_of(const IngredientOptions& options);
Done add_ingredients(const IngredientOptions& options, const Ports& ports, run::BuildRequest& request);

// An operating system's bundle.
struct SystemOptions {
  std::string image;
  std::string image_key;
};
void declare_system(SystemOptions& options, command_line::OptionList& list);
Done add_system(const SystemOptions& options, const Ports& ports, run::BuildRequest& request);

// The path of the disk that was named by its path, serial, WWN, or by "PARTUUID=..." of a partition on it.
Result<std::string> path_of_disk(const std::string& name, disk::Disks& disks);

// The clock of `file`, or the system's when none is named.
struct ChosenClock {
  std::unique_ptr<Clock> stepped;
  const Clock* clock = nullptr;
};
Result<ChosenClock> clock_from(const std::string& file, const Ports& ports);
void declare_clock(std::string& file, command_line::OptionList& list);

// "  step" lines on standard error.
class StepLines final : public run::Progress {
 public:
  explicit StepLines(std::ostream& err) : err_(err) {}
  void begins(std::string_view step) override;
  void notes(std::string_view text) override;

 private:
  std::ostream& err_;
};

// Prints the report of a build as people or programs want it.
void print_report(const run::RunReport& report, const order::Work& work, bool json, command_line::Streams& streams);

}  // namespace provision::cli
