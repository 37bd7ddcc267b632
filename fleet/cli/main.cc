#include <iostream>

#include "fleet/cli/commands.h"
#include "images/files/posix_files.h"
#include "images/files/stepped_clock.h"

using namespace policies::vocabulary;

int main(int argc, char** argv) {
  images::files::PosixFiles files;
  const SystemClock clock;
  const auto open_clock = [&clock](const std::string& path) -> Result<std::unique_ptr<Clock>> {
    Result<std::unique_ptr<images::files::SteppedClock>> stepped = images::files::SteppedClock::open(path, clock);
    if (!stepped) return stepped.error();
    return std::unique_ptr<Clock>(*std::move(stepped));
  };
  const fleet::cli::Ports ports{files, clock, open_clock, [](agent::link::HttpsClientSettings settings, const Clock& now) {
                                  return agent::link::make_https_client(std::move(settings), now);
                                }};
  return policies::command_line::run_program(fleet::cli::fleet_program(ports), argc, argv, std::cout, std::cerr);
}
