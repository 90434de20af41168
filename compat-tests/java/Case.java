import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a method {@code static void sentence(CaseContext context) throws Exception} as one test
 * case: its name is the sentence that it proves, and it fails by throwing.
 *
 * <p>{@code test_java.py} reads these annotations from the source text, so that pytest can list the
 * cases without starting a JVM: keep an annotation on the line or lines just before its method.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface Case {
  /** Lines of the conformance checklist (CP-x.y) and rows of the requirements (L1, E2, ...). */
  String[] proves();

  /** Deadline in seconds: a case that is not done by then fails and is left behind. */
  int seconds() default 20;

  /**
   * True when the case asks for a restart of the server; it is skipped without {@code --control}.
   */
  boolean needsServerControl() default false;
}
