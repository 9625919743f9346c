#pragma once
/// A Java virtual machine in this process, and Chronicle Queue in it: what Chronicle.java offers.

#include <jni.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace towbench {

/// The one machine of a process, made when first asked for: in a role, never before the fork.
class JavaMachine {
 public:
  static JavaMachine& get();

  /// Opens a queue; what was open before must have been closed.
  void open(const std::string& directory);
  void close() { call(close_); }

  void append(const void* message, std::size_t bytes) {
    environment_->CallStaticVoidMethod(class_, append_, address_of(message),
                                       static_cast<jint>(bytes));
    check();
  }
  bool take(void* message, std::size_t bytes) {
    const jboolean taken = environment_->CallStaticBooleanMethod(class_, take_, address_of(message),
                                                                 static_cast<jint>(bytes));
    check();
    return taken == JNI_TRUE;
  }

  /// Where the next message is to be written until end_writing().
  std::byte* begin_writing(std::size_t bytes) { return memory_from(begin_writing_, bytes); }
  void end_writing() { call(end_writing_); }
  /// Where the next message lies until end_reading(), or nullptr.
  const std::byte* begin_reading(std::size_t bytes) { return memory_from(begin_reading_, bytes); }
  void end_reading() { call(end_reading_); }

 private:
  JavaMachine();
  static jlong address_of(const void* memory) { return reinterpret_cast<jlong>(memory); }
  jmethodID method(const char* name, const char* signature);
  void call(jmethodID method) {
    environment_->CallStaticVoidMethod(class_, method);
    check();
  }
  std::byte* memory_from(jmethodID method, std::size_t bytes) {
    const jlong address =
        environment_->CallStaticLongMethod(class_, method, static_cast<jint>(bytes));
    check();
    return reinterpret_cast<std::byte*>(address);
  }
  void check() {
    if (environment_->ExceptionCheck() == JNI_TRUE) [[unlikely]]
      throw_failure();
  }
  [[noreturn]] void throw_failure();

  JNIEnv* environment_ = nullptr;
  jclass class_ = nullptr;
  jmethodID open_, close_, append_, take_, begin_writing_, end_writing_, begin_reading_,
      end_reading_;
};

}  // namespace towbench
