// leaseback: builds the real ports and runs one command.
#include <cstdlib>
#include <iostream>
#include <thread>

#include "agent/link/http.h"
#include "fleet/client/commands.h"
#include "images/files/posix_files.h"
#include "images/files/stepped_clock.h"

int main(int argc, char** argv) {
  using namespace fleet::client;
  images::files::PosixFiles files;
  const SystemClock clock;
  const char* user = std::getenv("HOME");
  const Ports ports{files,
                    clock,
                    std::string(user == nullptr ? "." : user) + "/.config/leaseback",
                    [](Duration time) { std::this_thread::sleep_for(time); },
                    [&clock](const std::string& path) -> Result<std::unique_ptr<Clock>> {
                      Result<std::unique_ptr<images::files::SteppedClock>> stepped = images::files::SteppedClock::open(path, clock);
                      if (!stepped) return stepped.error();
                      return std::unique_ptr<Clock>(*std::move(stepped));
                    },
                    [](agent::link::HttpsClientSettings settings, const Clock& time) { return agent::link::make_https_client(std::move(settings), time); }};
  return policies::command_line::run_program(leaseback_program(ports), argc, argv, std::cout, std::cerr);
}
