// What the commands about a machine's lease partition have in common.
#pragma once

#include <memory>
#include <string>

#include "policies/command_line/command.h"
#include "provision/cli/commands.h"
#include "provision/lease/kernel_mounts.h"
#include "provision/lease/lease.h"
#include "provision/run/run_lock.h"

namespace provision::cli {

struct LeaseOptions {
  std::string partition;        // path or PARTUUID=UUID; empty: searched
  std::string state;            // folder of the machine's voucher
  std::string name;             // of the mapping
  std::string tpm = "auto";     // "auto", "none" or a TCTI configuration
  bool json = false;
  LeaseOptions();
};
void declare_lease(LeaseOptions& options, command_line::OptionList& list);

void declare_key(bool& key_stdin, command_line::OptionList& list);
// The key on standard input: 64 hexadecimal digits, or nothing. InvalidInput, not repeating it, for anything else.
Result<lease::Secret> key_from(bool key_stdin, command_line::Streams& streams);

// The real parts behind a command: the found partition, locked against a second call, and the machine's TPM.
class LeaseDesk {
 public:
  static Result<LeaseDesk> open(const LeaseOptions& options, const Ports& ports);
  [[nodiscard]] lease::LeasePorts ports() const;
  [[nodiscard]] const std::string& device() const { return device_; }

 private:
  LeaseDesk(run::RunLock lock, const Ports& ports) : lock_(std::move(lock)), ports_(&ports) {}
  run::RunLock lock_;
  const Ports* ports_;
  std::string device_;
  std::unique_ptr<disk::LuksContainer> container_;
  std::unique_ptr<lease::Tpm> tpm_;
  std::string no_tpm_;
  std::unique_ptr<lease::Mounts> mounts_ = std::make_unique<lease::KernelMounts>();
};

}  // namespace provision::cli
