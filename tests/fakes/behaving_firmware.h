// Firmware that behaves as the kernel's drivers do, in the hands of the test: read-only attributes refuse, changes wait for the next
// start, the administrator's password is asked for, and the power can fail after any write.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "provision/firmware/firmware_attributes.h"

namespace tests::fakes {
using namespace policies::vocabulary;
namespace firmware = provision::firmware;

class BehavingFirmware final : public firmware::FirmwareAttributes {
 public:
  explicit BehavingFirmware(std::vector<firmware::Device> devices) : devices_(std::move(devices)) {}

  void make_read_only(const std::string& attribute) { read_only_.insert(attribute); }
  // The password that is set now; sets `enabled`.
  void lock_with(const std::string& password);
  // As Lenovo's: a new password is active from the next start on.
  void delay_passwords() { delays_passwords_ = true; }
  // Each change is seen at once but waits for restart(), as on Dell's and HP's.
  void restart();
  // The `nth` write from now (1: the next) takes effect, and then everything fails with Interrupted until power_on().
  void cut_after(std::uint64_t nth) { cut_at_ = writes_ + nth; }
  void power_on();
  [[nodiscard]] std::uint64_t writes() const { return writes_; }
  [[nodiscard]] std::string value(const std::string& attribute) const;
  [[nodiscard]] const std::string& password() const { return password_; }
  [[nodiscard]] bool has_open_session() const { return session_.has_value(); }

  Result<std::vector<firmware::Device>> read() override;
  Done set(const std::string& device, const std::string& attribute, const std::string& value) override;
  Done begin_session(const std::string& device, const std::string& authentication, const std::string& password) override;
  Done end_session(const std::string& device, const std::string& authentication) override;
  Done set_password(const std::string& device, const std::string& authentication, const std::string& password) override;

 private:
  Done begin_write();
  Done end_write();
  Result<firmware::Device*> find(const std::string& device);
  Result<firmware::Authentication*> find_authentication(const std::string& device, const std::string& authentication);
  [[nodiscard]] bool session_fits() const { return password_.empty() || session_ == password_; }

  std::vector<firmware::Device> devices_;
  std::set<std::string> read_only_;
  std::string password_;
  std::string waiting_password_;
  bool password_waits_ = false;
  bool delays_passwords_ = false;
  std::optional<std::string> session_;
  std::uint64_t writes_ = 0;
  std::uint64_t cut_at_ = 0;
  bool off_ = false;
};

}  // namespace tests::fakes
