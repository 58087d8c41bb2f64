"""The course: lessons of text, predictions and exercises, whose answers are programs that are run.

- `superlearner.course.reading` reads lessons, Markdown with typed blocks, into `superlearner.course.lesson` values;
- `superlearner.course.engine` runs the answer of an exercise in an isolated child process, in virtual time;
- the folders `checks`, `solutions` and `wrong` hold what a learner must not read before it is earned. They are no
  packages, and no child can read them.
"""
