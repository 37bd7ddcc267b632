#include "agent/daemon/run_daemon.h"

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/daemon/command_opener.h"
#include "agent/daemon/command_releaser.h"
#include "agent/daemon/device_identity.h"
#include "agent/daemon/https_channels.h"
#include "agent/daemon/state_desk.h"
#include "agent/daemon/state_lock.h"
#include "agent/daemon/status_text.h"
#include "agent/indicator/indicator.h"
#include "agent/sandbox/bubblewrap_sandbox.h"
#include "images/files/posix_files.h"
#include "images/files/stepped_clock.h"
#include "policies/terms/iana_zone.h"

namespace agent::daemon {
namespace {

constexpr Duration look_often{200};  // while something may change without telling us: an answer, a stepped clock
constexpr Duration look_seldom{60'000};
constexpr Duration status_pause{1'000};

std::uint64_t seed() {
  const std::string bytes = images::keys::random_bytes(sizeof(std::uint64_t));
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

// Signals become mail: one thread waits for them, all others have them blocked.
void listen_for_signals(Mailbox& mailbox, const sigset_t& signals) {
  std::thread([&mailbox, signals] {
    for (int signal = 0; sigwait(&signals, &signal) == 0;) {
      if (signal == SIGHUP) {
        mailbox.post(Nudge{});
      } else {
        mailbox.post(Terminate{});
      }
    }
  }).detach();
}

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Writes what there is to say when it changed, at most once a second; logs what people want to know.
class StatusKeeper {
 public:
  StatusKeeper(images::files::Files& files, const std::string& state_folder)
      : files_(files), path_(state_folder + "/" + std::string(status_name)) {}

  void tell(const AgentReport& report, Moment moment) {
    if (written_ && report == *written_) return;
    if (!written_ || report.phase != written_->phase) spdlog::info("state: {}", name_of(report.phase));
    if (!report.trouble.empty() && (!written_ || report.trouble != written_->trouble))
      spdlog::warn("{}", report.trouble);
    const std::string partition = report.partition + (report.partition_reason.empty() ? "" : ": " + report.partition_reason);
    if (partition != partition_told_) spdlog::info("lease partition: {}", partition);
    partition_told_ = partition;
    const bool urgent = !written_ || report.phase != written_->phase;
    if (!urgent && moment.running - written_at_ < status_pause) return;
    Done done = files_.replace(path_, status_json(report, moment.now), images::files::Access::OwnerOnly);
    if (!done) spdlog::warn("{}", done.error().text());
    written_ = report;
    written_at_ = moment.running;
  }

 private:
  images::files::Files& files_;
  std::string path_;
  std::optional<AgentReport> written_;
  std::string partition_told_;
  Duration written_at_{0};
};

// A LED that is not there is worth a word, not a failure.
void warn_of(const Done& done) {
  if (!done) spdlog::warn("{}", done.error().text());
}

std::unique_ptr<indicator::Led> led_of(const Settings& settings) {
  if (settings.indicator_led.empty()) return nullptr;
  auto led = indicator::open_sysfs_led("/sys/class/leds", settings.indicator_led);
  if (led) return *std::move(led);
  spdlog::warn("no light will show that leased work runs: {}", led.error().text());
  return nullptr;
}

Done loop(Agent& agent, Mailbox& mailbox, const Clock& clock, StatusKeeper& status, indicator::Indicator& light, bool clock_is_stepped) {
  for (;;) {
    const Moment moment{.now = clock.now(), .running = mailbox.running()};
    Result<Duration> wait = agent.step(moment);
    if (!wait) return wait.error();
    const AgentReport report = agent.report();
    status.tell(report, moment);
    warn_of(light.show(report.running > 0));
    if (report.phase == Phase::Released) return {};
    const bool often = clock_is_stepped || report.phase == Phase::AwaitingAnswer;
    for (Mail& mail : mailbox.take(std::min(*wait, often ? look_often : look_seldom))) {
      if (std::holds_alternative<Terminate>(mail)) {
        warn_of(light.show(false));
        spdlog::info("stopped");
        spdlog::shutdown();
        std::_Exit(EXIT_SUCCESS);  // tasks die with this thread; nothing waits for a network that may hang
      }
      if (auto* event = std::get_if<Event>(&mail)) agent.deliver(std::move(*event));
    }
  }
}

Result<std::optional<consent::ScriptedAnswers>> scripted(images::files::Files& files, const std::string& path) {
  if (path.empty()) return std::optional<consent::ScriptedAnswers>();
  Result<std::string> text = files.read(path, kibibytes(64));
  if (!text) return std::move(text).error();
  Result<consent::ScriptedAnswers> answers = consent::scripted_answers_from(*text, path);
  if (!answers) return std::move(answers).error();
  return std::optional(*std::move(answers));
}

}  // namespace

Done run_daemon(const Settings& settings) {
  const sigset_t signals = block_signals();
  auto log = spdlog::stderr_color_mt("leaseback-agent");
  log->set_level(spdlog::level::from_str(settings.log_level));
  log->set_pattern("%^%l%$ %v");
  spdlog::set_default_logger(log);

  images::files::PosixFiles files;
  Done made = files.make_directory(settings.state_folder, images::files::Access::OwnerOnly);
  if (!made) return made;
  Result<Identity> identity = read_identity(files, settings.state_folder, settings.settings_folder);
  if (!identity) return std::move(identity).error();
  Result<std::optional<consent::ScriptedAnswers>> answers = scripted(files, settings.answers_file);
  if (!answers) return std::move(answers).error();

  Mailbox mailbox;
  const MachineId machine = identity->voucher_facts.machine;
  CommandKeeper keeper;
  std::optional<CommandOpener> opener;
  std::optional<std::size_t> close_first;
  if (!settings.lease_command.empty()) {
    opener.emplace(mailbox, keeper, settings.vault_folder, settings.user, machine, settings.lease_command);
    close_first = keeper.add(lease_words(settings.lease_close_command, settings.vault_folder, settings.user, machine));
  }
  CommandReleaser releaser(files, mailbox, keeper, settings.state_folder, machine, settings.release_command, close_first);
  // Opened while we may; it is lit and put back with whatever rights we have then.
  indicator::Indicator light(led_of(settings), files, settings.state_folder + "/indicator");
  warn_of(light.resume());
  if (!settings.user.empty() && getuid() == 0) {
    Done kept = keeper.keep_rights();
    if (kept) kept = become_user(settings.user, {settings.state_folder, settings.vault_folder});
    if (!kept) return kept;
  }
  Result<StateLock> lock = StateLock::take(settings.state_folder);
  if (!lock) return std::move(lock).error();

  const SystemClock system_clock;
  std::unique_ptr<images::files::SteppedClock> stepped;
  if (!settings.clock_file.empty()) {
    Result<std::unique_ptr<images::files::SteppedClock>> opened =
        images::files::SteppedClock::open(settings.clock_file, system_clock);
    if (!opened) return std::move(opened).error();
    stepped = *std::move(opened);
  }
  const Clock& clock = stepped ? static_cast<const Clock&>(*stepped) : system_clock;

  listen_for_signals(mailbox, signals);
  const policies::terms::IanaZoneRules zones;
  StateDesk desk(files, settings.state_folder, *std::move(answers));
  sandbox::BubblewrapSandbox sandbox({}, [&mailbox](sandbox::TaskEnd end) { mailbox.post(Event(std::move(end))); });
  if (!sandbox.abilities().available) spdlog::warn("no leased work will run: {}", sandbox.abilities().reason);
  HttpsChannels channels({.controller = settings.controller,
                          .authority_pem = identity->authority_pem,
                          .private_key_pem = identity->device_key.pem(),
                          .machine = machine,
                          .timeout = settings.exchange_timeout},
                         clock, mailbox);
  const MachineFacts facts = read_machine_facts(files, identity->voucher_facts.processor_mhz);
  Result<std::unique_ptr<Agent>> agent =
      Agent::start({files, channels, channels, sandbox, desk, releaser, zones, opener ? &*opener : nullptr}, agent_settings(settings),
                   *std::move(identity), facts, seed(), {.now = clock.now(), .running = mailbox.running()});
  if (!agent) return std::move(agent).error();
  StatusKeeper status(files, settings.state_folder);
  return loop(**agent, mailbox, clock, status, light, stepped != nullptr);
}

}  // namespace agent::daemon
