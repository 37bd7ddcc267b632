#include <signal.h>

#include <iostream>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "fleet/controller/daemon.h"
#include "fleet/controller/run_command.h"
#include "images/files/posix_files.h"
#include "images/files/stepped_clock.h"

namespace {

using namespace policies::vocabulary;

// Blocked in every thread, so that only wait_for_stop sees them.
sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

bool wait_for_stop(Duration span) {
  const sigset_t signals = stop_signals();
  const timespec limit{span.count() / 1000, (span.count() % 1000) * 1'000'000};
  return sigtimedwait(&signals, nullptr, &limit) > 0;
}

Done with_ports(const fleet::controller::Settings& settings,
                Done (*act)(const fleet::controller::Settings&, const fleet::controller::Ports&)) {
  images::files::PosixFiles files;
  const SystemClock system_clock;
  std::unique_ptr<images::files::SteppedClock> stepped;
  if (!settings.clock.empty()) {
    Result<std::unique_ptr<images::files::SteppedClock>> opened = images::files::SteppedClock::open(settings.clock, system_clock);
    if (!opened) return opened.error().within("reading the clock " + settings.clock);
    stepped = *std::move(opened);
  }
  const Clock& clock = stepped ? static_cast<const Clock&>(*stepped) : system_clock;
  return act(settings, {files, clock, [](const std::string& line) { spdlog::info("{}", line); }, wait_for_stop});
}

}  // namespace

int main(int argc, char** argv) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("leaseback-fleetd"));
  const fleet::controller::Acts acts{
      [](const fleet::controller::Settings& settings) { return with_ports(settings, fleet::controller::prepare_folder); },
      [](const fleet::controller::Settings& settings) { return with_ports(settings, fleet::controller::run_controller); }};
  return run_program(fleet::controller::fleetd_program(acts), argc, argv, std::cout, std::cerr);
}
